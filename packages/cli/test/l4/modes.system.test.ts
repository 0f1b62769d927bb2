/**
 * `balancer run` forwarding real connections and datagrams between namespaces: every mode and family,
 * with replies and payloads as they should be.
 */
import { once } from 'node:events';
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
const NOT_LONG = NO_ROOT || (IS_LONG ? '' : ' (skipped: part of npm run test:long)');
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
  const labs: readonly (readonly Mode[])[] = [['fnat', 'dr', 'tunnel'], ['nat']];
  const hooks = ['tc', 'xdp'] as const;

  test.skipIf(NO_ROOT !== '').each(labs.map((modes) => ({ modes })))(
    `$modes on tc, then after a restart on native XDP: ${REQUESTS} requests of each family and protocol, and bulk`,
    async ({ modes }) => {
      await using lab = await labFor(modes);
      for (const hook of hooks) {
        // oxlint-disable no-await-in-loop -- one after the other, to tell them apart
        if (hook === 'xdp') lab.network.prepareForXdp();
        lab.configure(lab.settings(hook) + modes.map((mode) => tables(mode, lab)).join(''));
        const balancer = await lab.startBalancer();
        for (const mode of modes) await expectServed(mode, lab, BULK_BYTES);
        balancer.kill('SIGTERM');
        await once(balancer, 'exit');
        // oxlint-enable no-await-in-loop
      }
    },
  );

  // veth hands over packets that were joined to more than the MTU, which generic XDP cannot send: no bulk.
  test.skipIf(NOT_LONG !== '')(
    `fnat and dr on generic XDP: ${REQUESTS} requests of each family and protocol${NOT_LONG}`,
    async () => {
      const modes = ['fnat', 'dr'] as const;
      await using lab = await labFor(modes);
      lab.configure(lab.settings('xdp-generic') + modes.map((mode) => tables(mode, lab)).join(''));
      await lab.startBalancer();
      for (const mode of modes) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other, to tell them apart
        await expectServed(mode, lab, 0);
      }
    },
  );
});

/** Servers that are ready for these modes. */
async function labFor(modes: readonly Mode[]): Promise<Lab> {
  const lab = new Lab();
  try {
    for (const mode of modes) lab.network.prepareServers(mode);
    await lab.startServers(modes.map((mode) => PORTS[mode]));
    if (modes.includes('tunnel')) await decapsulate(lab);
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}
