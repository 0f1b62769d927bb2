/** Which server real connections reach, by each scheduler: as its algorithm says. */
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
const ROUNDS = IS_LONG ? 40 : 4;
const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'mh', 'conhash'] as const;
/** Weights of the servers where they count. */
const WEIGHTS = [3, 2, 1];
const BY_WEIGHT: ReadonlySet<string> = new Set(['wrr', 'wlc']);

interface Flow {
  readonly client: string;
  readonly clientPort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

function tables(lab: Lab): string {
  return SCHEDULERS.map((name, index) => {
    const servers = WEIGHTS.map((weight) => `weight = ${BY_WEIGHT.has(name) ? weight : 1}`);
    let backend = lab.backend(name, 4, 8080).replace('\n', `\nbalance = "lvs:${name}"\n`);
    for (const weight of servers) backend = backend.replace('" }', `", ${weight} }`);
    return `
[frontends.${name}]
listen_addr = "${ADDRESSES.service[4]}:${80 + index}"
mode = "fnat"
backend = "${name}"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
${backend}`;
  }).join('');
}

/** Where flows of a service went, and where its table says they go. */
async function placesOf(lab: Lab, port: number): Promise<{ went: string; goes: string }[]> {
  const service = `${ADDRESSES.service[4]}:${port}`;
  const { body } = await lab.call('GET', `/l4/conns?service=${service}`);
  // The admin listener's document.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const flows = body as Flow[];
  return Promise.all(
    flows.map(async ({ client, clientPort, destination, destinationPort }) => {
      const query = `service=${service}&client=${client}:${clientPort}`;
      const { body: place } = await lab.call('GET', `/l4/lookup?${query}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const { backend } = place as { backend: string };
      return { went: `${destination}:${destinationPort}`, goes: backend };
    }),
  );
}

describe(`schedulers over three servers${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '')(
    `${SCHEDULERS.join(', ')}: ${6 * ROUNDS} connections each`,
    async () => {
      await using lab = new Lab();
      lab.network.prepareServers('fnat');
      await lab.startServers([8080]);
      lab.configure(lab.settings() + tables(lab));
      await lab.startBalancer();
      const count = 6 * ROUNDS;
      const found = await Promise.all(
        SCHEDULERS.map(async (_, index) => lab.request({ count, port: 80 + index })),
      );
      expect(found.map(({ failed }) => failed)).toEqual(SCHEDULERS.map(() => 0));
      const shares = new Map(SCHEDULERS.map((name, index) => [name, found[index]!.servers]));
      const equal = { 'server-1': count / 3, 'server-2': count / 3, 'server-3': count / 3 };
      const weighted = { 'server-1': count / 2, 'server-2': count / 3, 'server-3': count / 6 };
      expect([shares.get('rr'), shares.get('wrr')]).toEqual([equal, weighted]);
      // Connections that end meanwhile count less than open ones: one more or less.
      for (const [name, wanted] of [
        ['lc', equal],
        ['wlc', weighted],
      ] as const) {
        for (const [server, share] of Object.entries(wanted)) {
          expect(Math.abs((shares.get(name)?.[server] ?? 0) - share), name).toBeLessThanOrEqual(1);
        }
      }
      for (const name of ['mh', 'conhash'] as const) {
        // oxlint-disable-next-line no-await-in-loop -- one service after the other
        const places = await placesOf(lab, 80 + SCHEDULERS.indexOf(name));
        expect(places).toHaveLength(count);
        expect(places.filter(({ went, goes }) => went !== goes)).toEqual([]);
      }
    },
  );
});
