/**
 * `npm run bench -w packages/pools`: every comparison, in one run. Each group has a process of its own,
 * because what V8 learned about the types of one would slow the next.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { benchEngine } from './engine.ts';
import { benchFloat } from './float.ts';
import { benchSwaps } from './swaps.ts';

const GROUPS: Readonly<Record<string, () => void | Promise<void>>> = {
  swaps: benchSwaps,
  float: benchFloat,
  engine: benchEngine,
};

const [asked] = process.argv.slice(2);
if (asked === undefined) {
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`,
  );
  for (const name of Object.keys(GROUPS)) {
    // oxlint-disable-next-line no-await-in-loop -- groups that overlap would measure each other
    const [code] = (await once(fork(fileURLToPath(import.meta.url), [name]), 'exit')) as [number];
    if (code !== 0) process.exitCode = code;
  }
} else {
  const group = GROUPS[asked];
  if (group === undefined)
    throw new Error(`no group ${asked}; known: ${Object.keys(GROUPS).join(', ')}`);
  await group();
}
