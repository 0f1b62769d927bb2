/**
 * Views of what DPVS keeps in its own memory: which packets come to which flow table, and what that memory is.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BpfMap } from '@balancer/ebpf';
import { setsOfMaps } from '../pin-directory.ts';
import type { PlaneDocument } from '../status.ts';
import { type DpipView, isShown, viewOf } from './view.ts';

export interface SteeringRow {
  readonly address: string;
  readonly service: string;
  readonly port_low: number;
  readonly port_high: number;
  readonly conns: number;
}

/**
 * `dpip flow show`: DPVS tells the card which core has the ports of a local address. Here every CPU finds
 * replies in one table, so that a rule has no core.
 */
export function steeringView(
  locals: PlaneDocument['local_addresses'],
  family: 4 | 6 | undefined,
): DpipView {
  const rows = locals
    .filter(({ address }) => isShown(address, family))
    .map(({ address, service, port_low, port_high, conns }): SteeringRow => ({
      address,
      service,
      port_low,
      port_high,
      conns,
    }));
  return viewOf(rows, (row) => [
    `pattern ${row.address.includes(':') ? 'ipv6' : 'ipv4'} dst ${row.address} port ${row.port_low}-${row.port_high} action table l4_ct core all service ${row.service || '-'} flows ${row.conns}`,
  ]);
}

export interface MemoryRow {
  readonly map: string;
  readonly entries: number;
  readonly key_bytes: number;
  readonly value_bytes: number;
  /** As the kernel accounts for it. */
  readonly bytes: number;
}

const MIB = 2 ** 20;

/** `dpip eal-mem show`: memory of the maps that are pinned at a path, the largest first. */
export function memoryView(pinPath: string): DpipView {
  const rows = setsOfMaps(pinPath)
    .flatMap((name) => mapsIn(join(pinPath, name)))
    .toSorted((a, b) => b.bytes - a.bytes || a.map.localeCompare(b.map));
  const total = rows.reduce((sum, { bytes }) => sum + bytes, 0);
  const line = (name: string, entries: string, sizes: string, bytes: number): string =>
    `${name.padEnd(18)} ${entries.padStart(10)} ${sizes.padStart(12)} ${(bytes / MIB).toFixed(2).padStart(10)} MiB`;
  const lines = rows.map((row) =>
    line(row.map, `${row.entries}`, `${row.key_bytes}+${row.value_bytes}`, row.bytes),
  );
  const head = `${'MAP'.padEnd(18)} ${'ENTRIES'.padStart(10)} ${'KEY+VALUE'.padStart(12)} ${'MEMORY'.padStart(14)}`;
  const text = [head, ...lines, line('total', '', '', total)].map((each) => `${each}\n`).join('');
  return { rows, text: rows.length === 0 ? `nothing is pinned at ${pinPath}\n` : text };
}

/** Maps are files there; links stand in a directory of their own. */
function mapsIn(directory: string): MemoryRow[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ name }) => {
    const map = BpfMap.openPinned(join(directory, name));
    try {
      const { keySize, valueSize, maxEntries } = map.info;
      const account = readFileSync(`/proc/self/fdinfo/${map.fd}`, 'utf8');
      const bytes = Number(/^memlock:\s*(\d+)/m.exec(account)?.[1] ?? 0);
      return { map: name, entries: maxEntries, key_bytes: keySize, value_bytes: valueSize, bytes };
    } finally {
      map.close();
    }
  });
}
