/** What a long experiment keeps in memory: rows of a run at a time, whatever their number. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { scratchFile, scratchFolder } from '../files.ts';

const isLong = process.env['BALANCER_TEST_LONG'] === '1';
const MIB = 1 << 20;

/**
 * Runs an experiment in a process of its own.
 *
 * @returns Its greatest resident set, bytes; the one of getrusage(2) is never less than its parent's was.
 */
async function residentBytes(experiment: string): Promise<number> {
  const core = new URL('../../src/index.ts', import.meta.url).href;
  const script = scratchFile(
    'run.mts',
    `import { readFileSync } from 'node:fs';
import { parseExperiment, planOf, runPlan } from ${JSON.stringify(core)};
const plan = planOf(parseExperiment(${JSON.stringify(experiment)}), '.');
const { counts } = await runPlan(plan, { out: ${JSON.stringify(scratchFolder())}, workers: 1 });
const [, kibibytes] = /^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(JSON.stringify({ runs: counts.runs, kibibytes: Number(kibibytes) }));`,
  );
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=balancer-source', '--import', 'tsx', script],
    { cwd: fileURLToPath(new URL('../..', import.meta.url)), timeout: 600_000 },
  );
  const { runs, kibibytes } = JSON.parse(stdout) as { runs: number; kibibytes: number };
  expect(runs).toBe(10_000);
  return kibibytes * 1024;
}

const experiment = (more: string): string => `
name = "many"
runs = 10_000
[pool]
tokens = ["ETH", "CASH"]
weights = [0.5, 0.5]
value = 2000
[time]
steps = 1_000
[price.ETH]
process = "gbm"
sigma = 0.8
[[agents]]
type = "arb.closedForm"
${more}`;

describe('10 000 runs of 1 000 steps', () => {
  test('stay below 400 MiB', { timeout: 600_000 }, async () => {
    const core = '[output]\nmetrics = "core"\n';
    expect(await residentBytes(experiment(core))).toBeLessThan(400 * MIB);
  });

  test.runIf(isLong)(
    'stay below 400 MiB with all metrics, sampled steps and trades',
    { timeout: 1_200_000 },
    async () => {
      const full = '[output]\nevery = 100\ntrades = true\n';
      expect(await residentBytes(experiment(full))).toBeLessThan(400 * MIB);
    },
  );
});
