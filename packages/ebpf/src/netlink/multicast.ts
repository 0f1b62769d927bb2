/**
 * Multicast addresses that interfaces listen to. Before Linux 6.15 netlink has no dump of those of the link
 * layer and of IPv4, so they are read where `ip maddress` reads them, in procfs.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { formatIp, formatMac } from '../ip-address.ts';

export interface MulticastAddress {
  readonly interfaceName: string;
  readonly family: 'link' | 'inet' | 'inet6';
  readonly address: string;
  /** How many listen. */
  readonly users: number;
}

/** Of the network namespace of the calling thread. */
export function listMulticast(): MulticastAddress[] {
  const read = (name: string): string => {
    try {
      return readFileSync(`/proc/thread-self/net/${name}`, 'utf8');
    } catch {
      // The kernel has the family switched off.
      return '';
    }
  };
  return [
    ...readLinkGroups(read('dev_mcast')),
    ...readIpv4Groups(read('igmp')),
    ...readIpv6Groups(read('igmp6')),
  ];
}

/** `/proc/net/dev_mcast`: index, name, users, users of all-multicast, address. */
export function readLinkGroups(text: string): MulticastAddress[] {
  return rows(text, /^\d+\s+(\S+)\s+(\d+)\s+\d+\s+([\da-f]{12})\s*$/).map(
    ([interfaceName, users, digits]) => ({
      interfaceName,
      family: 'link',
      address: formatMac(Buffer.from(digits, 'hex')),
      users: Number(users),
    }),
  );
}

/** `/proc/net/igmp`: a line for each interface, then one for each group, as a number in host byte order. */
export function readIpv4Groups(text: string): MulticastAddress[] {
  const groups: MulticastAddress[] = [];
  let interfaceName = '';
  for (const line of text.split('\n')) {
    interfaceName = /^\d+\s+(\S+)\s*:/.exec(line)?.[1] ?? interfaceName;
    const [, digits, users] = /^\s+([\dA-F]{8})\s+(\d+)\s/.exec(line) ?? [];
    if (digits === undefined) continue;
    const address = formatIp(Uint8Array.from(Buffer.from(digits, 'hex')).toReversed());
    groups.push({ interfaceName, family: 'inet', address, users: Number(users) });
  }
  return groups;
}

/** `/proc/net/igmp6`: index, name, address, users, flags, timer. */
export function readIpv6Groups(text: string): MulticastAddress[] {
  return rows(text, /^\d+\s+(\S+)\s+([\da-f]{32})\s+(\d+)\s/).map(
    ([interfaceName, digits, users]) => ({
      interfaceName,
      family: 'inet6',
      address: formatIp(Buffer.from(digits, 'hex')),
      users: Number(users),
    }),
  );
}

/** The three groups of the lines that match. */
function rows(text: string, pattern: RegExp): [string, string, string][] {
  return text.split('\n').flatMap((line): [string, string, string][] => {
    const [, first, second, third] = pattern.exec(line) ?? [];
    return first === undefined ? [] : [[first, second!, third!]];
  });
}
