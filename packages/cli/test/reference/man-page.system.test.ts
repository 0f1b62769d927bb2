/** The manual page, read by the programs that show manual pages. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { runHere } from '../support.ts';

const run = promisify(execFile);

describe('the manual page', () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'balancer-man-'));
    file = join(folder, 'balancer.1');
    await writeFile(file, (await runHere('man')).stdout);
  });

  afterAll(() => rm(folder, { recursive: true }));

  test.skipIf(!commandPath('mandoc'))(
    `has no fault that mandoc finds${skipReason('mandoc')}`,
    async () => {
      const { stdout } = await run('mandoc', ['-T', 'lint', '-W', 'warning', file]).catch(
        (error: unknown) => error as { stdout: string },
      );
      const faults = stdout.split('\n').filter((line) => line !== '');
      // A date would change with nothing but the day on which the page is written.
      expect(faults.filter((line) => !line.includes('missing date'))).toEqual([]);
    },
  );

  test.skipIf(!commandPath('groff'))(
    `is set by groff without a warning, with every command${skipReason('groff')}`,
    async () => {
      const args = ['-man', '-ww', '-Tutf8', '-P-cbou', file];
      const { stdout, stderr } = await run('groff', args);
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^NAME\n +balancer - load balancer/m);
      expect(stdout).toMatch(/^ +balancer drain \[options\] <backend\/server>$/m);
      expect(stdout).toMatch(/^ +-c, --config <file>$/m);
      expect(stdout).toMatch(/^ +balancer pools quote pool\.json --in WETH/m);
    },
  );
});
