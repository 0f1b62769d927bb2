/**
 * A second, slower link between the client and the router, which some of the packets take: they arrive behind
 * those that were sent after them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createVeth, RouteSocket, setOffload } from '@balancer/ebpf';
import type { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';

const LINK = 'slow';
const MARK = '7';
/** Slow enough that others overtake; nothing on it is lost. */
const SHAPE = ['tbf', 'rate', '100mbit', 'burst', '3k', 'limit', '20m'];

/** Sends one in so many TCP packets over IPv4, in both directions, by the slow link. */
export async function addSlowWay(lab: Lab, oneIn: number): Promise<void> {
  const { client, router } = lab.network;
  const gateway = /via (\S+)/.exec(
    await lab.program(client, 'ip', 'route', 'show', 'default'),
  )![1]!;
  const ends = [
    {
      machine: client,
      chain: 'type route hook output priority mangle',
      via: ['default', 'via', gateway, 'onlink'],
    },
    {
      machine: router,
      chain: 'type filter hook prerouting priority mangle',
      via: [ADDRESSES.client[4]],
    },
  ];
  joinBy(LINK, lab);
  for (const { machine, chain, via } of ends) {
    // Packets come over the link on which nobody expects them.
    machine.run(() => {
      for (const name of ['all', LINK]) {
        writeFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, '0');
      }
    });
    const steps = [
      ['ip', 'link', 'set', LINK, 'up'],
      ['tc', 'qdisc', 'add', 'dev', LINK, 'root', ...SHAPE],
      ['ip', 'route', 'add', ...via, 'dev', LINK, 'table', MARK],
      ['ip', 'rule', 'add', 'fwmark', MARK, 'table', MARK],
      [
        'nft',
        `add table ip slow; add chain ip slow out { ${chain}; }; add rule ip slow out ${
          machine === client ? 'ip daddr' : 'ip saddr'
        } ${ADDRESSES.service[4]} meta l4proto tcp numgen inc mod ${oneIn} == 0 meta mark set ${MARK}`,
      ],
    ];
    for (const [command, ...args] of steps) {
      // oxlint-disable-next-line no-await-in-loop -- each needs the one before
      await lab.program(machine, command!, ...args);
    }
  }
}

/** Another pair of interfaces, with whole checksums, which XDP on the way asks for. */
function joinBy(name: string, { network: { client, router } }: Lab): void {
  router.run(() => {
    const socket = RouteSocket.open();
    try {
      createVeth(socket, { name, peer: name, peerNamespaceFd: client.fd });
    } finally {
      socket.close();
    }
  });
  client.run(() => setOffload(name, 'tx-checksum', false));
}

/** Segments that a machine had to keep because earlier ones were still to come. */
export function outOfOrder(machine: Lab['machine']): number {
  const [names = '', values = ''] = machine
    .run(() => readFileSync('/proc/thread-self/net/netstat', 'utf8'))
    .split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('TCPOFOQueue')]);
}
