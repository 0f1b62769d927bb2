/** keepalived's own sample files, and a folder of included ones. */
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
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

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

describe.skipIf(NO_ROOT !== '')(`a file of DPVS that was imported${NO_ROOT}`, () => {
  test('serves with the table and the weights it describes, and goes round a server that dies', async () => {
    const server = (host: number, weight: number): string => `
  real_server 10.0.0.${host} 8080 {
    weight ${weight}
    uthreshold 1000
    TCP_CHECK {
      retry 1
      connect_timeout 1
      delay_before_retry 1
    }
  }`;
    const folder = await folderWith({
      'k.conf': `
local_address_group laddr_g1 {
  10.0.0.100 eth0
}
virtual_server_group shop {
  203.0.113.1 80
}
virtual_server group shop {
  delay_loop 1
  lb_algo wrr
  lb_kind FNAT
  protocol TCP
  establish_timeout 600
  laddr_group_name laddr_g1
  ${server(11, 3)}
  ${server(12, 1)}
}
`,
    });
    const { code, stdout: toml, stderr } = await importing(join(folder, 'k.conf'));
    expect([code, stderr]).toEqual([0, '']);
    await using lab = new Lab();
    lab.network.prepareServers('fnat');
    await lab.startServers([8080]);
    lab.configure(toml.replace(/^\[l4\]\ninterfaces.*$/m, lab.settings()));
    await lab.startBalancer();
    expect((await runHere('ipvsadm', '--socket', lab.socket, '-S', '-n')).stdout)
      .toBe(`-A -t 203.0.113.1:80 -s wrr --conn-timeout 600
-a -t 203.0.113.1:80 -r 10.0.0.11:8080 -b -w 3 -x 1000
-a -t 203.0.113.1:80 -r 10.0.0.12:8080 -b -w 1 -x 1000
-P -t 203.0.113.1:80 -z 10.0.0.100
`);
    expect(await lab.request({ count: 8 })).toMatchObject({
      failed: 0,
      servers: { 'server-1': 6, 'server-2': 2 },
    });
    lab.serverProcesses[0]!.kill('SIGKILL');
    const health = async (): Promise<string | undefined> =>
      (await lab.document()).services[0]?.backends[0]?.health;
    await expect.poll(health, { timeout: 60_000, interval: 50 }).toBe('down');
    // The next document waits until the kernel knows it, too.
    await lab.document();
    expect(await lab.request({ count: 3 })).toMatchObject({
      failed: 0,
      servers: { 'server-2': 3 },
    });
  }, 120_000);
});
