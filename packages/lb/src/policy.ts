/**
 * From `balance = "..."` to a policy of `select`.
 *
 * @module
 */
import { isIPv6 } from 'node:net';
import { policies, type Policy } from '@balancer/select';
import type { Balance, BackendConfig } from './config/types.ts';

const POLICIES: Readonly<Record<Balance, () => Policy>> = {
  roundrobin: () => policies.weightedRoundRobin(),
  leastconn: () => policies.leastConnection(),
  p2c: () => policies.p2c(),
  random: () => policies.random(),
  first: () => policies.first(),
  // A server's response time is the time it takes to accept a connection.
  leasttime: () => policies.peakEwma(),
  source: () => policies.maglev(),
  ring: () => policies.hash(),
  rendezvous: () => policies.rendezvous(),
  bounded: () => policies.boundedHash(),
  'lvs:rr': () => policies.roundRobin(),
  'lvs:wrr': () => policies.weightedRoundRobin(),
  'lvs:lc': () => policies.leastConnection(),
  'lvs:wlc': () => policies.leastConnection(),
  // Proxied connections have no queue of their own at a server, so that these two are the same there.
  'lvs:sed': () => policies.leastConnection(),
  'lvs:nq': () => policies.leastConnection(),
  'lvs:fo': () => policies.first(),
  'lvs:ovf': () => policies.first(),
  'lvs:sh': () => policies.hash(),
  'lvs:dh': () => policies.hash(),
  'lvs:twos': () => policies.p2c(),
  'lvs:random': () => policies.random(),
  'lvs:mh': () => policies.maglev(),
  'lvs:conhash': () => policies.hash(),
};

/** The policy that a backend asks for, with its clients kept on their servers when it is sticky. */
export function policyOf({ balance, sticky }: BackendConfig): Policy {
  const inner = POLICIES[balance]();
  if (!sticky) return inner;
  return policies.sticky({ inner, ttlMs: sticky.ttl, maxEntries: sticky.max_entries });
}

/**
 * What a client is known by: its IPv4 address, or the /64 of its IPv6 address, because a host owns
 * that much and changes the rest at will.
 *
 * @param ip - As the socket reports it, IPv4-mapped addresses already unmapped.
 */
export function clientKey(ip: string): string {
  return isIPv6(ip) ? prefix64(ip) : ip;
}

/** The first four groups of an IPv6 address, written out: `2001:db8::1` is `2001:db8:0:0`. */
function prefix64(ip: string): string {
  const [head = '', tail] = ip.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before.slice(0, 4).join(':');
  const after = tail === '' ? [] : tail.split(':');
  // An IPv4 address at the end stands for two groups.
  const groupsAfter = after.length + (tail.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - groupsAfter) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
