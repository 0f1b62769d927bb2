/**
 * `balancer run` with every kind of tunnel, from the file to the servers' own programs, at both hooks: an address of
 * IPv4 and one of IPv6, each served by machines of the other family.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, type Family, serverAddress } from '../../../../examples/l4-netns/network.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
/** The short form leaves tc to the test of `l4`, which has each kind there. */
const HOOKS = IS_LONG ? (['tc', 'xdp'] as const) : (['xdp'] as const);
const KINDS = {
  gue: { port: 8082, l4: 'tunnel = "gue"' },
  gue1: { port: 8083, l4: 'tunnel = "gue1", tunnel_checksum = true' },
  gre: { port: 8084, l4: 'tunnel = "gre"' },
  vxlan: { port: 8085, l4: 'tunnel = "vxlan", tunnel_port = 8472, vni = 42' },
} as const;
const FAMILIES: readonly Family[] = [4, 6];
const REQUESTS = IS_LONG ? 100 : 3;
const BULK_BYTES = IS_LONG ? 20_000_000 : 200_000;

function tables(lab: Lab): string {
  return Object.entries(KINDS)
    .flatMap(([kind, { port, l4 }]) =>
      FAMILIES.map((family) => {
        const address = ADDRESSES.service[family];
        const listen = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
        const other = family === 4 ? 6 : 4;
        return `[frontends.${kind}${family}]
listen_addr = "${listen}"
mode = "tunnel"
l4 = { ${l4} }
backend = "${kind}${other}"
${lab.backend(`${kind}${other}`, other, port)}`;
      }),
    )
    .join('');
}

/** `balancer l4 decap` on every server. */
async function decapsulate(lab: Lab): Promise<void> {
  await Promise.all(
    lab.network.servers.map(async (server, index) => {
      const addresses = FAMILIES.map((family) => serverAddress(index + 1, family));
      const own = ['--interface', 'eth0', '--address', ...addresses, '--vxlan-port', '8472'];
      const pins = ['--pin-path', `${lab.pinPath}-${index}`];
      const { code, stderr } = await lab.commandIn(server, 'l4', 'decap', ...own, ...pins);
      expect([code, stderr]).toEqual([0, '']);
    }),
  );
}

describe(`tunnels through balancer run${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '')(
    `each kind on ${HOOKS.join(' and ')}: ${REQUESTS} requests and bulk of each family`,
    async () => {
      await using lab = new Lab();
      lab.network.prepareServers('tunnel');
      await lab.startServers(Object.values(KINDS).map(({ port }) => port));
      await decapsulate(lab);
      for (const hook of HOOKS) {
        // oxlint-disable no-await-in-loop -- one after the other, to tell them apart
        if (hook === 'xdp') lab.network.prepareForXdp();
        lab.configure(lab.settings(hook) + tables(lab));
        const balancer = await lab.startBalancer();
        const found = await Promise.all(
          Object.entries(KINDS).flatMap(([kind, { port }]) =>
            FAMILIES.map(async (family) => {
              const bytes = BULK_BYTES;
              const { failed, reason, clients } = await lab.request({
                count: REQUESTS,
                family,
                port,
                bytes,
              });
              return { hook, kind, family, failed, reason, clients };
            }),
          ),
        );
        for (const each of found) {
          const clients = { [ADDRESSES.client[each.family]]: REQUESTS + 2 };
          expect(each).toMatchObject({ failed: 0, reason: '', clients });
        }
        balancer.kill('SIGTERM');
        await once(balancer, 'exit');
        // oxlint-enable no-await-in-loop
      }
    },
  );
});
