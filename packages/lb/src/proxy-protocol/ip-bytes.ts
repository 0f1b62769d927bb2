/**
 * IP addresses between their text and the bytes of a header.
 *
 * @module
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** 4 or 16 bytes, or `undefined` when the text is no IP address. Zone indexes are dropped. */
export function ipToBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  const [ip = ''] = text.split('%');
  return isIPv6(ip) ? ipv6ToBytes(ip) : undefined;
}

/** The canonical text (RFC 5952) of 4 or 16 bytes. */
export function bytesToIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
  );
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function ipv6ToBytes(ip: string): Uint8Array {
  const [head = '', tail] = ip.split('::');
  const before = groupBytes(head);
  const after = groupBytes(tail ?? '');
  const bytes = new Uint8Array(16);
  bytes.set(before, 0);
  bytes.set(after, 16 - after.length);
  return bytes;
}

/** Bytes of colon-separated groups, of which the last may be an IPv4 address. */
function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
