import { readFileSync } from 'node:fs';
import type { Lab } from '../../../../examples/l4-netns/lab.ts';

/**
 * What the kernel of a machine of the lab has counted.
 *
 * @param name - As in `/proc/net/netstat`: `TCPOFOQueue` (segments that were kept because earlier ones were still to
 *   come), `TCPSynRetrans`.
 */
export function tcpCounter(machine: Lab['machine'], name: string): number {
  const [names = '', values = ''] = machine
    .run(() => readFileSync('/proc/thread-self/net/netstat', 'utf8'))
    .split('\n');
  const index = names.split(' ').indexOf(name);
  if (index < 0) throw new Error(`the kernel counts no ${name}`);
  return Number(values.split(' ')[index]);
}
