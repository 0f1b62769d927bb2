/** `npm run bench -w packages/pools`: every comparison, in one run. */
import { cpus } from 'node:os';
import { benchEngine } from './engine.ts';
import { benchFloat } from './float.ts';
import { benchSwaps } from './swaps.ts';

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`,
);
benchSwaps();
benchFloat();
await benchEngine();
