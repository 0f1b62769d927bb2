/**
 * IP and MAC addresses between text and bytes.
 *
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net';
import { ValueError } from './errors.ts';

/** 4 or 16 bytes of an address, or `undefined` if the text is none. Zones (`%eth0`) are refused. */
export function tryParseIp(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return parseIpv6(text);
}

/**
 * 4 or 16 bytes of an address.
 *
 * @throws {ValueError} if the text is no address.
 */
export function parseIp(text: string): Uint8Array {
  const bytes = tryParseIp(text);
  if (bytes === undefined) throw new ValueError(`not an IP address: ${JSON.stringify(text)}`);
  return bytes;
}

/** Canonical text of 4 or 16 bytes (RFC 5952 for IPv6). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16)
    throw new ValueError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  const isMapped =
    bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (isMapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! << 8) | bytes[i * 2 + 1]!);
  const { start, length } = longestZeroRun(groups);
  const text = groups.map((g) => g.toString(16));
  if (length < 2) return text.join(':');
  return `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}`;
}

/**
 * The 6 bytes of a MAC address.
 *
 * @throws {ValueError} if the text is not six two-digit hexadecimal numbers with colons.
 */
export function parseMac(text: string): Uint8Array {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new ValueError(`not a MAC address: ${JSON.stringify(text)}`);
  }
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');
}

function parseIpv6(text: string): Uint8Array {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const hex = dotted ? `${dotted[1]}${dottedAsGroups(dotted[2]!)}` : text;
  const [head = '', tail] = hex.split('::');
  const front = groupsOf(head);
  const back = groupsOf(tail ?? '');
  const groups = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 0xff]));
}

function dottedAsGroups(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** The first of the longest runs of zero groups. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length;) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    i = end + 1;
  }
  return best;
}
