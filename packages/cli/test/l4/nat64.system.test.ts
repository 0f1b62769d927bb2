/**
 * Clients that have IPv6 alone, servers that have IPv4 alone, and `balancer run` between them: with the
 * offloads that interfaces have, on native XDP, and behind a router that takes smaller packets.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, serverAddress } from '../../../../examples/l4-netns/network.ts';
import { skipReason } from '../../../../scripts/system-requirements.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
const REQUESTS = IS_LONG ? 1000 : 12;
const BULK_BYTES = IS_LONG ? 50_000_000 : 10_000_000;
const PORT = 8084;
const SERVICE = `[${ADDRESSES.service[6]}]:${PORT}`;
const HOOKS = ['tc', 'xdp'] as const;

/** A service of IPv6 over both protocols, and its servers of IPv4. */
function tables(lab: Lab, l4: string = ''): string {
  const frontends = (['tcp', 'udp'] as const).map(
    (protocol) => `[frontends.six-${protocol}]
listen_addr = "${SERVICE}"
protocol = "${protocol}"
mode = "nat64"
backend = "four"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"]${protocol === 'tcp' ? l4 : ''} }
`,
  );
  return [...frontends, lab.backend('four', 4, PORT)].join('');
}

async function labOfServers(): Promise<Lab> {
  const lab = new Lab();
  lab.network.leaveServersIpv4();
  await lab.startServers([PORT]);
  return lab;
}

describe(`clients of IPv6, servers of IPv4${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '')(
    `on tc with all offloads, then on native XDP: ${REQUESTS} requests and datagrams, ${BULK_BYTES / 1e6} MB up and down`,
    async () => {
      await using lab = await labOfServers();
      for (const hook of HOOKS) {
        // oxlint-disable no-await-in-loop -- one after the other, to tell them apart
        if (hook === 'xdp') lab.network.prepareForXdp();
        lab.configure(lab.settings(hook) + tables(lab));
        const balancer = await lab.startBalancer();
        const kinds = [
          { protocol: 'tcp', bytes: BULK_BYTES },
          { protocol: 'udp', bytes: 0 },
        ] as const;
        for (const { protocol, bytes } of kinds) {
          const found = await lab.request({
            count: REQUESTS,
            family: 6,
            protocol,
            port: PORT,
            bytes,
          });
          expect({ hook, protocol, ...found }).toMatchObject({ failed: 0, reason: '' });
          expect(found.clients).toEqual({
            [ADDRESSES.local[4]]: REQUESTS + (bytes > 0 ? 2 : 0),
          });
        }
        balancer.kill('SIGTERM');
        await once(balancer, 'exit');
        // oxlint-enable no-await-in-loop
      }
    },
  );

  test.skipIf(NO_ROOT !== '')(
    'behind a router that takes 1,400 bytes: uploads and downloads end, and servers hear how large packets may be',
    async () => {
      await using lab = await labOfServers();
      lab.network.limitClientMtu(1400);
      lab.configure(lab.settings('tc') + tables(lab));
      await lab.startBalancer();
      const found = await lab.request({ count: 6, family: 6, port: PORT, bytes: 2_000_000 });
      expect(found).toMatchObject({ failed: 0, reason: '' });
      const known = await Promise.all(
        lab.network.servers.map(async (server) =>
          lab.program(server, 'ip', 'route', 'get', ADDRESSES.local[4]),
        ),
      );
      expect(known.join('')).toContain('mtu 1380');
    },
  );

  test.skipIf(NO_ROOT !== '')(
    'have connections, behind SYN cookies, that are shown with both families and forgotten by their client',
    async () => {
      await using lab = await labOfServers();
      lab.configure(lab.settings('tc') + tables(lab, ', synproxy = "client-first"'));
      await lab.startBalancer();
      await lab.request({ count: 1, family: 6, protocol: 'udp', port: PORT });
      const client = ADDRESSES.client[6];
      const local = ADDRESSES.local[4];
      const { body } = await lab.call('GET', `/l4/conns?client=${client}`);
      expect(body).toMatchObject([
        { mode: 'fnat', client, virtual: ADDRESSES.service[6], virtualPort: PORT, local },
      ]);
      const listed = await lab.ipvsadm(['-L', '-n', '-c']);
      expect(listed.stdout).toMatch(
        new RegExp(
          String.raw`UDP +\d\d:\d\d +UDP +\[${client}\]:\d+ +\[${ADDRESSES.service[6]}\]:${PORT} +10\.0\.0\.1\d:${PORT} +${local}:\d+`,
        ),
      );
      const found = await lab.request({ count: 3, family: 6, port: PORT });
      expect(found).toMatchObject({ failed: 0, clients: { [local]: 3 } });
      expect((await lab.call('GET', `/l4/conns?client=${client}`)).body).toHaveLength(4);
      expect(await lab.call('DELETE', `/l4/conns?client=${client}`)).toMatchObject({
        body: { removed: 4 },
      });
    },
  );

  const NO_PEERS = NO_ROOT || skipReason('nginx') || skipReason('curl');
  test.skipIf(NO_PEERS !== '')(
    `curl of an address of IPv6 gets from an nginx of IPv4, which hears whom it serves, what its file holds${NO_PEERS}`,
    async () => {
      await using lab = new Lab();
      const [server] = lab.network.servers;
      lab.network.leaveServersIpv4();
      const content = randomBytes(3_000_000);
      writeFileSync(join(lab.folder, 'file'), content);
      const file = join(lab.folder, 'nginx.conf');
      writeFileSync(
        file,
        `user root; daemon off; master_process off; pid ${lab.folder}/nginx.pid; error_log ${lab.folder}/nginx.log;
events {}
http {
  access_log off;
  server {
    listen ${serverAddress(1, 4)}:${PORT} proxy_protocol;
    root ${lab.folder};
    location = /who { return 200 '$remote_addr for $proxy_protocol_addr'; }
  }
}
`,
      );
      lab.startProgram(server!, 'nginx', [
        '-p',
        lab.folder,
        '-c',
        file,
        '-e',
        join(lab.folder, 'nginx.log'),
      ]);
      lab.configure(
        `${lab.settings('tc')}${tables(lab, ', proxy_protocol = "v2"')}`.replaceAll(
          /^servers\.s[23].*\n/gm,
          '',
        ),
      );
      await lab.startBalancer();
      const curl = async (path: string): Promise<Buffer> => {
        const args = ['-gsf6', '--retry', '30', '--retry-all-errors', `http://${SERVICE}${path}`];
        const child = lab.startProgram(lab.network.client, 'curl', args);
        const chunks: Buffer[] = [];
        child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
        await once(child, 'close');
        return Buffer.concat(chunks);
      };
      expect(String(await curl('/who'))).toBe(`${ADDRESSES.local[4]} for ${ADDRESSES.client[6]}`);
      const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      expect(hash(await curl('/file'))).toBe(hash(content));
    },
  );
});
