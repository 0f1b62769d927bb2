/**
 * Addresses as the maps keep them: 16 bytes, IPv4 as `::ffff:a.b.c.d`.
 *
 * @module
 */
import { formatIp, parseIp } from '@balancer/ebpf';

/** An address of a map's key or value. Only `bytes` counts when writing. */
export interface MapAddress {
  readonly bytes?: Uint8Array;
  readonly words?: number[];
}

/** All zeros: no address. */
export const NO_ADDRESS: MapAddress = { bytes: new Uint8Array(16) };

/** @throws {ValueError} if the text is no address. */
export function toMapAddress(text: string): MapAddress {
  const bytes = parseIp(text);
  if (bytes.length === 16) return { bytes };
  const mapped = new Uint8Array(16);
  mapped.fill(0xff, 10, 12);
  mapped.set(bytes, 12);
  return { bytes: mapped };
}

/** Text of an address; IPv4 without the prefix. */
export function fromMapAddress({ bytes = new Uint8Array(16) }: MapAddress): string {
  if (!isMapped(bytes)) return formatIp(bytes);
  return `${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}`;
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** 4 or 6. */
export function familyOf(text: string): 4 | 6 {
  return parseIp(text).length === 4 ? 4 : 6;
}
