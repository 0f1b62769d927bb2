#!/usr/bin/env node
/**
 * The executable.
 *
 * @module
 */
import cluster from 'node:cluster';
import { argumentsOf } from './called-as.ts';

// What the one does not need it does not load.
if (cluster.isWorker) {
  const { runWorker } = await import('./worker-process.ts');
  runWorker();
} else {
  const [{ main }, { processIo }] = await Promise.all([import('./program.ts'), import('./io.ts')]);
  process.exitCode = await main(argumentsOf(process.argv), processIo());
}
