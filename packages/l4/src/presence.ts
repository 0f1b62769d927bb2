/**
 * Which addresses of services belong on this host at present: all of them, or, beside other hosts that
 * serve the same, those that its role and the servers' health allow.
 *
 * @module
 */
import type { L4Config } from '@balancer/lb';
import type { ServiceSpec } from './desired.ts';
import type { Verdict } from './quorum.ts';

/**
 * What this host is to the others: `master` serves, `backup` stands by, `fault` must not serve, `drain` is
 * about to be taken away.
 */
export const ROLES = ['master', 'backup', 'fault', 'drain'] as const;

export type Role = (typeof ROLES)[number];

/**
 * The role with which a process begins.
 *
 * @param left - In which the process before left the host. A host that was in `fault` waits to be told that
 *   it may serve again; one that was drained has been mended.
 * @param configured - What the file says.
 */
export function roleAtStart(left: Role | undefined, configured: L4Config['role']): Role {
  if (left === 'fault') return 'backup';
  return left === 'master' || left === 'backup' ? left : configured;
}

/** What the engine is told, and keeps for the process after this one. */
export interface Presence {
  readonly role: Role;
  /** Addresses of services that the host must not have now. */
  readonly withheld: readonly string[];
}

/** An address of services, for people and for routing daemons. */
export interface Announcement {
  readonly address: string;
  /** The address is on this host, for the network to send to. */
  readonly announced: boolean;
  /** Why not; empty when it is. */
  readonly reason: string;
}

/**
 * The verdict on each address.
 *
 * An address with several services stays while one of them has its quorum: taking it away would end the
 * healthy ones too.
 */
export function announcementsOf(
  services: ReadonlyMap<string, ServiceSpec>,
  verdicts: ReadonlyMap<string, Verdict>,
  { role, announce }: { readonly role: Role; readonly announce: L4Config['announce'] },
): Announcement[] {
  const keysByAddress = new Map<string, string[]>();
  for (const [key, { address, match, localAddresses }] of services) {
    // What hosts behind this one get outside comes and goes as addresses of services do.
    for (const each of match ? localAddresses : [address]) {
      keysByAddress.set(each, [...(keysByAddress.get(each) ?? []), key]);
    }
  }
  return [...keysByAddress].map(([address, keys]) => {
    const reason = whyNot(keys, verdicts, { role, announce });
    return { address, announced: reason === '', reason };
  });
}

function whyNot(
  keys: readonly string[],
  verdicts: ReadonlyMap<string, Verdict>,
  { role, announce }: { readonly role: Role; readonly announce: L4Config['announce'] },
): string {
  if (role !== 'master') return `the role is ${role}`;
  if (announce === 'none' || keys.some((key) => verdicts.get(key) === 'held')) return '';
  const isPending = keys.some((key) => verdicts.get(key) === undefined);
  return isPending ? 'no check has answered yet' : `no quorum: ${keys.join(', ')}`;
}
