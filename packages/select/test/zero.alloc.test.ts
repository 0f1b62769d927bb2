/**
 * `next` and its kin allocate nothing: no garbage collection in up to ten million calls with a young
 * generation of 1 MiB. Two controls, one object and one number per call, show that the method would
 * notice.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { OTHER_NAMES, POLICY_NAMES, type AllocationResult } from './allocation.ts';

const script = fileURLToPath(new URL('allocation.ts', import.meta.url));
const isLong = process.env.BALANCER_TEST_LONG !== undefined;
const TIMEOUT_MS = 900_000;

async function measured(name: string): Promise<AllocationResult[]> {
  const args = [
    '--conditions=balancer-source',
    '--import',
    'tsx',
    '--max-semi-space-size=1',
    // Code is compiled where it runs: how long the warm-up takes must not depend on idle cores.
    '--no-concurrent-recompilation',
    '--expose-gc',
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...args,
    script,
    '--measure',
    name,
  ]);
  return JSON.parse(stdout) as AllocationResult[];
}

test(
  'the method notices an object and a boxed number per call',
  async () => {
    for (const control of await measured('controls')) {
      expect(control.collections, control.name).toBeGreaterThan(50);
    }
  },
  TIMEOUT_MS,
);

describe('allocates nothing:', () => {
  test.each([...POLICY_NAMES, ...OTHER_NAMES])(
    '%s',
    async (name) => {
      const results = await measured(name);
      if (isLong)
        for (const { name: title, calls } of results) console.log(`${title}: ${calls} calls`);
      expect(results.filter((result) => result.collections > 0)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
