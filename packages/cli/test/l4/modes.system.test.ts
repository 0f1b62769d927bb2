/**
 * `balancer run` forwarding real connections and datagrams between namespaces: every mode and family,
 * with replies and payloads as they should be. tc as it is chosen here; XDP in its generic form, without
 * bulk: veth hands over packets that were joined to more than the MTU, which XDP cannot send.
 */
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import {
  ADDRESSES,
  type Family,
  type Mode,
  serverAddress,
} from '../../../../examples/l4-netns/network.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
const REQUESTS = IS_LONG ? 1000 : 12;
const BULK_BYTES = IS_LONG ? 50_000_000 : 2_000_000;
const FAMILIES: readonly Family[] = [4, 6];
const PROTOCOLS = ['tcp', 'udp'] as const;
const PORTS: Readonly<Record<Mode, number>> = { fnat: 8080, dr: 8081, tunnel: 8082, nat: 8083 };

/** A frontend for each family and protocol, and their backends. */
function tables(mode: Mode, lab: Lab): string {
  const port = PORTS[mode];
  const frontends = FAMILIES.flatMap((family) =>
    PROTOCOLS.map((protocol) => {
      const address = ADDRESSES.service[family];
      const listen = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
      const locals =
        mode === 'fnat' ? `l4 = { local_addresses = ["${ADDRESSES.local[family]}"] }\n` : '';
      return `[frontends.${mode}-${protocol}${family}]
listen_addr = "${listen}"
protocol = "${protocol}"
mode = "${mode}"
backend = "${mode}${family}"
${locals}`;
    }),
  );
  const backends = FAMILIES.map((family) => lab.backend(`${mode}${family}`, family, port));
  return [...frontends, ...backends].join('');
}

/** What the servers see as their client. */
function seenBy(mode: Mode, family: Family): string {
  return mode === 'fnat' ? ADDRESSES.local[family] : ADDRESSES.client[family];
}

/** `balancer l4 decap` on every server. */
async function decapsulate(lab: Lab): Promise<void> {
  await Promise.all(
    lab.network.servers.map(async (server, index) => {
      const addresses = ([4, 6] as const).map((family) => serverAddress(index + 1, family));
      const own = [
        '--interface',
        'eth0',
        '--address',
        ...addresses,
        '--pin-path',
        `${lab.pinPath}-${index}`,
      ];
      const { code, stderr } = await lab.commandIn(server, 'l4', 'decap', ...own);
      expect([code, stderr]).toEqual([0, '']);
    }),
  );
}

/** Requests of every family and protocol, all at once. */
async function expectServed(mode: Mode, lab: Lab, bulkBytes: number): Promise<void> {
  const port = PORTS[mode];
  const kinds = FAMILIES.flatMap((family) => PROTOCOLS.map((protocol) => ({ family, protocol })));
  await Promise.all(
    kinds.map(async ({ family, protocol }) => {
      const bytes = protocol === 'tcp' ? bulkBytes : 0;
      const total = REQUESTS + (bytes > 0 ? 2 : 0);
      const found = await lab.request({ count: REQUESTS, family, protocol, port, bytes });
      expect({ mode, family, protocol, ...found }).toMatchObject({ failed: 0, reason: '' });
      expect(found.clients).toEqual({ [seenBy(mode, family)]: total });
      expect(Object.keys(found.servers).toSorted()).toEqual(['server-1', 'server-2', 'server-3']);
    }),
  );
}

describe(`packets through balancer run${NO_ROOT}`, () => {
  // Servers of mode nat send replies to the balancer, all others to the router: nat has a lab of its own.
  const short = [
    { hook: 'tc', modes: ['fnat', 'dr', 'tunnel'] },
    { hook: 'xdp-generic', modes: ['nat'] },
  ] as const;
  const long = [
    { hook: 'tc', modes: ['nat'] },
    { hook: 'xdp-generic', modes: ['fnat', 'dr'] },
  ] as const;

  test.skipIf(NO_ROOT !== '').each(IS_LONG ? [...short, ...long] : short)(
    `$modes on $hook: ${REQUESTS} requests of each family and protocol, and bulk on tc`,
    async ({ modes, hook }) => {
      const lab = new Lab();
      try {
        for (const mode of modes) lab.network.prepareServers(mode);
        await lab.startServers(modes.map((mode) => PORTS[mode]));
        if (modes.some((mode) => mode === 'tunnel')) await decapsulate(lab);
        lab.configure(lab.settings(hook) + modes.map((mode) => tables(mode, lab)).join(''));
        await lab.startBalancer();
        for (const mode of modes) {
          // oxlint-disable-next-line no-await-in-loop -- one mode after the other, to tell them apart
          await expectServed(mode, lab, hook === 'tc' ? BULK_BYTES : 0);
        }
      } finally {
        await lab.close();
      }
    },
  );
});
