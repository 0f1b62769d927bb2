/** keepalived's own sample files, and a folder of included ones. */
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { runHere } from '../support.ts';

/** Where Debian's package keeps them. */
const SAMPLES = '/usr/share/doc/keepalived/samples';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-import-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'conf.d'));
  for (const [name, text] of Object.entries(files)) {
    // oxlint-disable-next-line no-await-in-loop -- a handful of small files
    await writeFile(join(folder, name), text);
  }
  return folder;
}

function importing(file: string): ReturnType<typeof runHere> {
  return runHere('l4', 'import', file, '--interface', 'eth0');
}

describe('balancer l4 import', () => {
  test('follows includes, and ends with 0 when everything is carried over', async () => {
    const server = (host: number): string =>
      `virtual_server 192.0.2.${host} 80 {\n real_server 10.0.0.1 80 {\n TCP_CHECK {\n}\n}\n}\n`;
    const folder = await folderWith({
      'k.conf': 'include conf.d/*.conf\n',
      'conf.d/a.conf': server(1),
      'conf.d/b.conf': server(2),
      'conf.d/c.conf.old': server(3),
    });
    const { code, stdout, stderr } = await importing(join(folder, 'k.conf'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^listen_addr.*$/gm)).toEqual([
      'listen_addr = "192.0.2.1:80"',
      'listen_addr = "192.0.2.2:80"',
    ]);
    const result = join(folder, 'balancer.toml');
    await writeFile(result, stdout);
    expect((await runHere('check', result)).code).toBe(0);
  });

  test('ends with 1 when something is not, and says what its result lacks to run', async () => {
    const folder = await folderWith({
      'k.conf':
        'virtual_server 192.0.2.1 80 {\n lb_kind FNAT\n ops\n real_server 10.0.0.1 80 {\n}\n}\n',
    });
    const file = join(folder, 'k.conf');
    const { code, stderr } = await importing(file);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}:3: virtual_server 192.0.2.1 80: ops: `);
    expect(stderr).toContain('mode "fnat" needs l4.local_addresses');
  });

  test('ends with 2 and the place of the fault when it is no keepalived.conf', async () => {
    const folder = await folderWith({ 'k.conf': 'a {\n' });
    const file = join(folder, 'k.conf');
    expect(await importing(file)).toEqual({
      code: 2,
      stdout: '',
      stderr: `balancer: ${file}:1: "a {" is never closed\n`,
    });
  });

  const samples = commandPath(SAMPLES)
    ? readdirSync(SAMPLES).filter((name) => name.startsWith('keepalived.conf.'))
    : [];
  test.skipIf(samples.length === 0)(
    `reads every sample of keepalived${skipReason('keepalived')}`,
    async () => {
      for (const sample of samples) {
        // oxlint-disable-next-line no-await-in-loop -- one at a time, to name the one that fails
        const { code, stdout, stderr } = await importing(join(SAMPLES, sample));
        expect([sample, code], stderr).toEqual([sample, 1]);
        // The samples of LVS have one service each or none; those by mark are left out.
        const isService = /virtual_server|[A-Z]+_(CHECK|GET)|IPv6|quorum|inhibit|status|host/;
        if (isService.test(sample)) expect(stdout, sample).toContain('listen_addr');
      }
    },
  );
});
