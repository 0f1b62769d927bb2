/**
 * What frontends of mode `snat` and their pools need: rules that can match, and addresses that packets can
 * leave from.
 *
 * @module
 */
import { isIP } from 'node:net';
import { type ConfigReport, formatAddress, type KeyPath } from '@balancer/kit';
import type { Place } from './l4-check.ts';
import { ANY_PORTS, readMatchRange } from './l4-match.ts';
import { readPortRange } from './l4-schema.ts';
import { MATCH_PROTOCOLS } from './l4-types.ts';
import type { BackendTable, ConfigFile } from './schema.ts';

const DEFAULT_PORTS = '1025-65535';

/** Reports each problem of pools, and of addresses without a port that are in none. */
export function checkPools(file: ConfigFile, places: readonly Place[], report: ConfigReport): void {
  const pools = places.filter(({ mode }) => mode === 'snat');
  for (const place of pools) {
    checkFrontend(place, file, report);
    checkPool(place, places, report);
  }
  const names = new Set(pools.map(({ frontend }) => frontend.backend));
  for (const { path, mode, l4 } of places) {
    const { src_range = '', dst_range = '', iif = '', oif = '' } = l4.match ?? {};
    if (mode === 'snat' || src_range + dst_range + iif + oif === '') continue;
    report.problem([...path, 'l4', 'match'], `mode "${mode}" has no match; remove the key`);
  }
  for (const [name, backend] of Object.entries(file.backends ?? {})) {
    if (names.has(name)) checkSharing(name, file, report);
    else checkPorts(name, backend, report);
  }
}

function checkFrontend(
  { path, frontend, l4 }: Place,
  { l4: plane }: ConfigFile,
  report: ConfigReport,
): void {
  if ((frontend.listen_addr ?? []).length > 0) {
    report.problem(
      [...path, 'listen_addr'],
      'mode "snat" takes packets by l4.match, whoever they are for; remove the key',
    );
  }
  if ((frontend.protocol ?? 'tcp') !== 'tcp') {
    report.problem([...path, 'protocol'], 'mode "snat" has its protocols in l4.match.proto');
  }
  const { proto = MATCH_PROTOCOLS, src_range: src = '', dst_range: dst = '' } = l4.match ?? {};
  const at = [...path, 'l4', 'match'];
  const ranges = { src_range: readMatchRange(src), dst_range: readMatchRange(dst) };
  for (const [key, range] of Object.entries(ranges)) {
    if (range && range.ports !== ANY_PORTS && proto.includes('icmp')) {
      report.problem([...at, key], 'has ports, which ICMP has not; set proto = ["tcp", "udp"]');
    }
    const { first = '', last = first } = range?.addresses ?? {};
    if (isIP(first) === 4 && toNumber(first) > toNumber(last)) {
      report.problem([...at, key], `must ascend; got "${first}-${last}"`);
    }
  }
  const families = Object.values(ranges).flatMap((range) => range?.addresses?.first ?? []);
  if (new Set(families.map((address) => isIP(address))).size > 1) {
    report.problem([...at, 'dst_range'], 'is of another family than src_range');
  }
  for (const key of ['iif', 'oif'] as const) {
    const name = l4.match?.[key] ?? '';
    if (name === '' || (plane?.interfaces ?? []).includes(name)) continue;
    report.problem(
      [...at, key],
      `${name} is none of l4.interfaces, on which packets are looked at`,
    );
  }
}

function checkPool(
  { path, frontend, l4, backend }: Place,
  places: readonly Place[],
  report: ConfigReport,
): void {
  const at = ['backends', frontend.backend ?? ''];
  if (backend?.sorry_server) {
    report.problem([...at, 'sorry_server'], `frontends.${path[1]} of mode "snat" has none`);
  }
  if ((backend?.health_check_interval ?? 0) > 0) {
    report.problem(
      [...at, 'health_check_interval'],
      'must be 0: the addresses of a pool are those of this host',
    );
  }
  const [low, high] = readPortRange(l4.port_range ?? DEFAULT_PORTS) ?? [0, 0];
  for (const [name, { addr }] of Object.entries(backend?.servers ?? {})) {
    if (addr?.kind !== 'inet' || isIP(addr.host) === 0) continue;
    const key: KeyPath = [...at, 'servers', name, 'addr'];
    if (addr.port !== 0) {
      report.problem(
        key,
        `frontends.${path[1]} of mode "snat" needs an address without a port; got "${formatAddress(addr)}"`,
      );
    }
    for (const { mode, vips } of places) {
      const vip = vips.find(({ host }) => host === addr.host);
      if (!vip || mode === 'snat') continue;
      if (l4.force !== true) {
        report.problem(
          key,
          `${addr.host} is the address of a service; take another one, or set l4.force = true in frontends.${path[1]}`,
        );
      } else if (vip.port >= low && vip.port <= high) {
        report.problem(key, `ports ${low}-${high} contain the port ${vip.port} of a service there`);
      }
    }
  }
}

/** A pool has no ports to relay to. */
function checkSharing(
  name: string,
  { frontends, defaults }: ConfigFile,
  report: ConfigReport,
): void {
  for (const [other, table] of Object.entries(frontends ?? {})) {
    const mode = table.mode ?? defaults?.mode ?? 'proxy';
    if (table.backend !== name || mode === 'snat') continue;
    report.problem(
      ['frontends', other, 'backend'],
      `${name} is a pool of mode "snat"; mode "${mode}" needs servers of its own`,
    );
  }
}

function checkPorts(name: string, { servers }: BackendTable, report: ConfigReport): void {
  for (const [server, { addr }] of Object.entries(servers ?? {})) {
    if (addr?.kind !== 'inet' || addr.port !== 0) continue;
    report.problem(
      ['backends', name, 'servers', server, 'addr'],
      `needs "host:port"; got "${addr.host}"`,
    );
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
