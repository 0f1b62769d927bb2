/** The units and files under deploy/, judged by the programs that will read them. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../scripts/system-requirements.ts';
import { loadLoadBalancerConfig } from '@balancer/lb';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** systemd's exposure score times ten; it calls anything up to 2.4 "OK". */
const EXPOSURE_MAX = 20;

describe.skipIf(!commandPath('systemd-analyze'))(
  `the units of systemd${skipReason('systemd-analyze')}`,
  () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'balancer-units-'));
      cpSync(join(root, 'deploy/systemd'), folder, { recursive: true });
      // What is not installed here would be all that the verification complains of.
      const file = join(folder, 'balancer.service');
      const unit = readFileSync(file, 'utf8');
      writeFileSync(
        file,
        unit.replaceAll('/usr/local/bin/balancer', '/bin/true').replace(/^Documentation=.*\n/m, ''),
      );
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    test.each([[['balancer.service']], [['balancer.service', 'balancer.socket']]])(
      '%j have no mistake',
      async (units) => {
        const { stdout, stderr } = await run('systemd-analyze', [
          'verify',
          ...units.map((unit) => join(folder, unit)),
        ]);
        expect([stdout, stderr]).toEqual(['', '']);
      },
    );

    test(`leave the service with an exposure of at most ${EXPOSURE_MAX / 10} of 10`, async () => {
      const { stdout } = await run('systemd-analyze', [
        'security',
        '--offline=yes',
        '--no-pager',
        `--threshold=${EXPOSURE_MAX}`,
        join(folder, 'balancer.service'),
      ]);
      expect(stdout).toContain('Overall exposure level for balancer.service');
    });
  },
);

describe('the first configuration', () => {
  test('is accepted without a warning', async () => {
    const { warnings } = await loadLoadBalancerConfig(join(root, 'deploy/balancer.toml'), {});
    expect(warnings).toEqual([]);
  });
});
