/**
 * The SYN proxy between real clients and servers, while somebody sends SYNs and acknowledgements from addresses
 * that are not his: what he sends costs no entry and no packet to a server, and everybody else is served.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';
import { skipReason } from '../../../../scripts/system-requirements.ts';
import { addSlowWay } from './slow-way.ts';
import { tcpCounter } from './tcp-counter.ts';

type Machine = Lab['machine'];

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const SKIPPED = NO_ROOT || ['hping3', 'nft'].map((command) => skipReason(command)).join('');
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
/** SYNs of the flood: as many as one core sends in ten seconds in the long form. */
const FLOOD = IS_LONG ? 200_000 : 5_000;
const MOVED_BYTES = IS_LONG ? 100_000_000 : 5_000_000;
/** Packets of which one is overtaken by others; the card is still to cut them, so the short form has few. */
const OVERTAKEN_ONE_IN = IS_LONG ? 100 : 10;
const REQUESTS = IS_LONG ? 100 : 20;

/** Greets whoever comes, then sends back what he says. */
const GREETER = `
  require('node:net').createServer((socket) => {
    socket.on('error', () => {}).write('220 ready\\n');
    socket.pipe(socket);
  }).listen(8025, '::', () => console.log('ready'));
`;

/** Waits for the greeting before it says anything. */
const GREETED = `
  const socket = require('node:net').connect(25, process.argv[1]);
  let said = '';
  socket.once('data', () => socket.end('QUIT\\n'));
  socket.on('data', (chunk) => (said += chunk)).on('end', () => console.log(said));
`;

/** Counts the SYNs that come to a machine. */
async function countSyns(lab: Lab, machine: Machine): Promise<() => Promise<number>> {
  await lab.program(
    machine,
    'nft',
    `add table inet count; add chain inet count in { type filter hook input priority 0; }; add rule inet count in ip saddr ${ADDRESSES.local[4]} tcp flags & (syn|ack) == syn counter`,
  );
  return async () => {
    const shown = await lab.program(machine, 'nft', 'list table inet count');
    return Number(/counter packets (\d+)/.exec(shown)![1]);
  };
}

/** Sends segments with these flags from random addresses; with `--flood` hping3 would not count them. */
async function flood(lab: Lab, flags: string, count: number): Promise<void> {
  const pace = IS_LONG ? 'u1' : 'u10';
  const to = [flags, '-q', '--rand-source', '-i', pace, '-p', '80', '-c', `${count}`];
  // It fails where nobody answers, and nobody answers an address that was made up.
  await once(lab.startProgram(lab.network.client, 'hping3', [...to, ADDRESSES.service[4]]), 'exit');
}

async function dropped(lab: Lab, reason: string): Promise<number> {
  const { drops } = await lab.document();
  return drops[reason]?.packets ?? 0;
}

function frontends(lab: Lab): string {
  const at = (name: string, port: number, synproxy: string): string => `[frontends.${name}]
listen_addr = "${ADDRESSES.service[4]}:${port}"
mode = "fnat"
backend = "${name}"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"], synproxy = "${synproxy}" }
`;
  return `${at('web', 80, 'client-first')}${lab.backend('web', 4, 8080, [1])}
${at('mail', 25, 'server-first')}${lab.backend('mail', 4, 8025, [1])}`;
}

describe.skipIf(SKIPPED !== '')(`the SYN proxy${SKIPPED}`, () => {
  test.each(['tc', 'xdp'] as const)(
    '%s: a flood of SYNs takes no entry and sends no packet to servers, while clients upload, download and are greeted first',
    async (hook) => {
      await using lab = new Lab();
      const [server] = lab.network.servers;
      lab.network.prepareServers('fnat');
      if (hook === 'xdp') lab.network.prepareForXdp();
      await lab.startServers([8080]);
      await once(lab.start(server!, ['-e', GREETER]).stdout!, 'data');
      lab.configure(lab.settings(hook) + frontends(lab));
      await lab.startBalancer();
      const isUp = async (): Promise<boolean> => (await lab.request({ count: 1 })).failed === 0;
      // oxlint-disable-next-line no-await-in-loop -- until the first check has answered
      while (!(await isUp())) await setTimeout(50);
      const { stdout } = await lab.ipvsadm(['-L', '-n']);
      expect(stdout).toContain('203.0.113.1:80 wrr synproxy');

      const syns = await countSyns(lab, server!);
      const before = await lab.document();
      await flood(lab, '-S', FLOOD);
      await flood(lab, '-A', 2_000);
      expect(await syns()).toBe(0);
      expect(await dropped(lab, 'bad_cookie')).toBeGreaterThan(1_000);
      const after = await lab.document();
      const opened = ({ services }: typeof after): number[] =>
        services.map(({ counters }) => counters.conns);
      expect(opened(after)).toEqual(opened(before));

      const flooding = flood(lab, '-S', FLOOD);
      const served = await lab.request({ count: REQUESTS });
      expect(served).toMatchObject({ failed: 0, servers: { 'server-1': REQUESTS } });
      await flooding;
      expect(await syns()).toBeGreaterThanOrEqual(REQUESTS);

      expect(await lab.request({ count: 1, bytes: MOVED_BYTES })).toMatchObject({ failed: 0 });
      await addSlowWay(lab, OVERTAKEN_ONE_IN);
      const ends = [lab.network.client, server!];
      const outOfOrder = (end: Machine): number => tcpCounter(end, 'TCPOFOQueue');
      const early = ends.map(outOfOrder);
      expect(await lab.request({ count: 1, bytes: MOVED_BYTES })).toMatchObject({ failed: 0 });
      for (const [i, end] of ends.entries()) expect(outOfOrder(end)).toBeGreaterThan(early[i]!);
      for (const machine of ends) await lose(lab, machine);
      expect(await lab.request({ count: 1, bytes: MOVED_BYTES })).toMatchObject({ failed: 0 });

      const said = await lab.runIn(lab.network.client, ['-e', GREETED, ADDRESSES.service[4]]);
      expect(said.stdout).toBe('220 ready\nQUIT\n\n');
    },
    IS_LONG ? 900_000 : 120_000,
  );
});

/** Loses one in a hundred packets that come in. */
async function lose(lab: Lab, machine: Machine): Promise<void> {
  await lab.program(
    machine,
    'nft',
    'add table inet loss; add chain inet loss in { type filter hook input priority 0; }; add rule inet loss in meta l4proto tcp numgen random mod 100 < 1 drop',
  );
}
