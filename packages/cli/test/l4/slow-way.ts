/**
 * A second, slower link between the client and the router, which some of the packets take: they arrive behind
 * those that were sent after them.
 */
import { writeFileSync } from 'node:fs';
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
  lab.network.addClientLink(LINK);
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
