#!/usr/bin/env node
/**
 * The executable.
 *
 * @module
 */
import { argumentsOf } from './called-as.ts';
import { isWorker, runWorker } from './worker-process.ts';

if (isWorker()) {
  runWorker();
} else {
  // What a worker does not need it does not load.
  const [{ main }, { processIo }] = await Promise.all([import('./program.ts'), import('./io.ts')]);
  process.exitCode = await main(argumentsOf(process.argv), processIo());
}
