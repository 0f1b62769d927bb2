/**
 * A narrow way behind a router, which tells servers so in an error to the service's address: in modes whose
 * replies go round the balancer, too, the error has to find the server of the flow.
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
const FAMILIES: readonly Family[] = [4, 6];
/** Below what clients say that they take. */
const MTU = 1300;
const PORTS = { fnat: 8080, dr: 8081, tunnel: 8082, nat: 8083 } as const;
const BYTES = 400_000;

describe(`a way that takes ${MTU} bytes behind a router${NO_ROOT}`, () => {
  // Servers of mode nat send replies to the balancer, all others to the router.
  test
    .skipIf(NO_ROOT !== '')
    .each([{ modes: ['fnat', 'dr', 'tunnel'] }, { modes: ['nat'] }] as const)(
    '$modes: transfers finish, and the server of the flow has heard of it',
    async ({ modes }) => {
      await using lab = new Lab();
      for (const mode of modes) lab.network.prepareServers(mode);
      await lab.startServers(modes.map((mode) => PORTS[mode]));
      await narrow(lab);
      if (modes.some((mode) => mode === 'tunnel')) await decapsulate(lab);
      lab.configure(lab.settings() + modes.map((mode) => tables(mode, lab)).join(''));
      await lab.startBalancer();
      for (const mode of modes) {
        for (const family of FAMILIES) {
          const port = PORTS[mode];
          // oxlint-disable no-await-in-loop -- one after the other, to tell them apart
          expect(await knownWays(lab, 1, family), 'before anything was sent').not.toContain(
            `${MTU}`,
          );
          const found = await lab.request({ count: 1, family, port, bytes: BYTES });
          expect({ mode, family, ...found }).toMatchObject({
            failed: 0,
            servers: { 'server-1': 3 },
          });
          expect(await knownWays(lab, 1, family)).toContain(`mtu ${MTU}`);
          expect(await knownWays(lab, 2, family)).not.toContain(`${MTU}`);
          await forget(lab, family);
          // oxlint-enable no-await-in-loop
        }
      }
    },
    120_000,
  );
});

/** Frontends of both families to the first server. */
function tables(mode: Mode, lab: Lab): string {
  const port = PORTS[mode];
  return FAMILIES.map((family) => {
    const address = ADDRESSES.service[family];
    const listen = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
    const locals =
      mode === 'fnat' ? `l4 = { local_addresses = ["${ADDRESSES.local[family]}"] }\n` : '';
    const name = `${mode}${family}`;
    return `[frontends.${name}]
listen_addr = "${listen}"
mode = "${mode}"
backend = "${name}"
${locals}${lab.backend(name, family, port, [1])}`;
  }).join('');
}

/** The router's way to the client takes less than the links at both ends. */
async function narrow(lab: Lab): Promise<void> {
  const { router } = lab.network;
  for (const family of FAMILIES) {
    const client = ADDRESSES.client[family];
    // oxlint-disable no-await-in-loop -- one answers how to ask the other
    const [, link = ''] =
      / dev (\S+)/.exec(await lab.program(router, 'ip', 'route', 'get', client)) ?? [];
    const route = ['route', 'add', client, 'dev', link, 'mtu', 'lock', `${MTU}`];
    await lab.program(router, 'ip', `-${family}`, ...route);
    // oxlint-enable no-await-in-loop
  }
}

/** What a server knows of ways to the client and to the balancer's local address. */
async function knownWays(lab: Lab, number: number, family: Family): Promise<string> {
  const server = lab.network.servers[number - 1]!;
  const ways = [ADDRESSES.client[family], ADDRESSES.local[family]].map((address) =>
    lab.program(server, 'ip', 'route', 'get', address),
  );
  return (await Promise.all(ways)).join('');
}

async function forget(lab: Lab, family: Family): Promise<void> {
  await lab.program(lab.network.servers[0]!, 'ip', `-${family}`, 'route', 'flush', 'cache');
}

/** `balancer l4 decap` on the first server. */
async function decapsulate(lab: Lab): Promise<void> {
  const addresses = FAMILIES.map((family) => serverAddress(1, family));
  const own = ['--interface', 'eth0', '--address', ...addresses, '--pin-path', `${lab.pinPath}-1`];
  const { code, stderr } = await lab.commandIn(lab.network.servers[0]!, 'l4', 'decap', ...own);
  expect([code, stderr]).toEqual([0, '']);
}
