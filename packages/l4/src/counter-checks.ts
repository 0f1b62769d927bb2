/**
 * What the counters say is wrong, with the likely cause.
 *
 * @module
 */
import type { Finding } from './finding.ts';
import type { PlaneDocument } from './status.ts';

/** Share of the connection table above which it is called full. */
export const FILLING_SHARE = 0.9;

/** Reasons of drops that the operator can do something about. */
const CAUSES: Readonly<Record<string, { readonly what: string; readonly mend: string }>> = {
  no_port: {
    what: 'no port of the local addresses was free',
    mend: 'add local addresses: l4.local_addresses of the frontend',
  },
  no_backend: {
    what: 'no server took the flow',
    mend: 'see "balancer stats" for servers that are down or have weight 0',
  },
  no_route: { what: 'there was no route', mend: 'ip route get <address of the server or client>' },
  fwd_disabled: {
    what: 'the host does not forward',
    mend: 'sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
  },
  not_onlink: {
    what: 'a server of mode "dr" is behind a router',
    mend: 'use mode "tunnel", or move the server to the same link',
  },
  flood: { what: 'more new flows per second than l4.new_flow_cap', mend: 'raise l4.new_flow_cap' },
  ct_full: {
    what: 'the connection table was full',
    mend: 'raise l4.conntrack.max_entries (needs "balancer l4 unload")',
  },
  too_big: { what: 'packets were larger than the way to the server', mend: 'lower the MSS or MTU' },
};

/** What answers of servers need, by mode. */
const WAYS_BACK: Readonly<Record<string, string>> = {
  nat: 'make the balancer the router of the server',
  fnat: 'see whether the server reaches the local addresses',
  dr: 'see whether the server has the address of the service: balancer l4 backend-setup',
  tunnel: 'see whether the server takes packets out of the tunnel: balancer l4 backend-setup',
};

/** Findings from counters that are not 0, the most frequent drops first. */
export function checkCounters({
  drops,
  flows,
  services,
  local_addresses,
}: PlaneDocument): Finding[] {
  const findings: Finding[] = [];
  if (flows.entries > flows.max * FILLING_SHARE) {
    const share = Math.round((flows.entries / flows.max) * 100);
    findings.push({
      level: 'warning',
      what: `the connection table is ${share} % full`,
      mend: 'raise l4.conntrack.max_entries (needs "balancer l4 unload")',
    });
  }
  const byCount = Object.entries(drops).toSorted(([, a], [, b]) => b.packets - a.packets);
  for (const [reason, { packets }] of byCount) {
    const cause = CAUSES[reason];
    if (cause)
      findings.push({
        level: 'warning',
        what: `${packets} packets dropped: ${cause.what}`,
        mend: cause.mend,
      });
  }
  for (const { service, backends } of services) {
    for (const { address, port, mode, down_events: down, up_events: up } of backends) {
      if (down === 0 || up > 0) continue;
      findings.push({
        level: 'warning',
        what: `server ${address}:${port} of ${service} answered none of ${down} flows`,
        mend: WAYS_BACK[mode] ?? WAYS_BACK['fnat']!,
      });
    }
  }
  for (const { address, misses } of local_addresses) {
    if (misses === 0) continue;
    findings.push({
      level: 'hint',
      what: `local address ${address}: ${misses} flows found no free port`,
      mend: 'add local addresses',
    });
  }
  return findings;
}
