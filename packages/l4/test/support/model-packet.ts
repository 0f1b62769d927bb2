/**
 * Packets as the model of the path reads and writes them: from the text of the RFCs, byte by byte, sharing
 * nothing with the C.
 */
import { formatIp, parseIp } from '@balancer/ebpf';

/** What a frame says to a balancer. */
export interface ModelPacket {
  readonly family: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
  readonly flags: number;
  readonly ttl: number;
  readonly tos: number;
  readonly l4Offset: number;
  readonly l4HeaderBytes: number;
  readonly totalBytes: number;
  /** Of a packet in fragments: which one this is, and the number that they share. */
  readonly fragment?: { readonly id: number; readonly isFirst: boolean };
}

/** IP protocol numbers. */
export const IPPROTO = { ipip: 4, tcp: 6, udp: 17, ipv6: 41 } as const;
export const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

const ETH_BYTES = 14;
const FRAGMENT_HEADER = 44;
const EXTENSIONS = new Set([0, 43, FRAGMENT_HEADER, 60]);
const EXTENSIONS_MAX = 6;
const FRAGMENT_MASK = 0x3fff;
const OFFSET_MASK = 0x1fff;

const be16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

/** Reads a frame; "pass" is nothing for a balancer, "bad" is damaged. */
export function readModelPacket(frame: Uint8Array): ModelPacket | 'pass' | 'bad' {
  if (frame.length < ETH_BYTES || (frame[0]! & 1) === 1) return 'pass';
  const type = be16(frame, 12);
  if (type === 0x0800) return readIp4(frame);
  return type === 0x86dd ? readIp6(frame) : 'pass';
}

function readIp4(frame: Uint8Array): ModelPacket | 'pass' | 'bad' {
  if (frame.length < ETH_BYTES + 20) return 'bad';
  const ip = frame.subarray(ETH_BYTES);
  const headerBytes = (ip[0]! & 15) * 4;
  const totalBytes = be16(ip, 2);
  if (ip[0]! >> 4 !== 4 || headerBytes < 20) return 'bad';
  if (totalBytes < headerBytes || totalBytes > ip.length) return 'bad';
  const protocol = ip[9]!;
  if (protocol !== IPPROTO.tcp && protocol !== IPPROTO.udp) return 'pass';
  const field = be16(ip, 6) & FRAGMENT_MASK;
  return readPorts(frame, ETH_BYTES + headerBytes, {
    ...(field !== 0 && {
      fragment: { id: be16(ip, 4), isFirst: (field & OFFSET_MASK) === 0 },
    }),
    family: 4,
    src: formatIp(ip.slice(12, 16)),
    dst: formatIp(ip.slice(16, 20)),
    protocol,
    ttl: ip[8]!,
    tos: ip[1]!,
    totalBytes,
  });
}

function readIp6(frame: Uint8Array): ModelPacket | 'pass' | 'bad' {
  if (frame.length < ETH_BYTES + 40) return 'bad';
  const ip = frame.subarray(ETH_BYTES);
  const totalBytes = 40 + be16(ip, 4);
  if (ip[0]! >> 4 !== 6 || totalBytes > ip.length) return 'bad';
  let next = ip[6]!;
  let offset = 40;
  let fragment: ModelPacket['fragment'];
  for (let i = 0; i < EXTENSIONS_MAX && EXTENSIONS.has(next); i++) {
    if (offset + 8 > ip.length) return 'bad';
    const isFragment = next === FRAGMENT_HEADER;
    if (isFragment) {
      const field = be16(ip, offset + 2);
      const id = be16(ip, offset + 4) * 65_536 + be16(ip, offset + 6);
      if (field >> 3 !== 0) fragment = { id, isFirst: false };
      else if ((field & 1) !== 0) fragment = { id, isFirst: true };
      // Otherwise the packet is whole, or what another header said holds.
    }
    next = ip[offset]!;
    offset += isFragment ? 8 : (ip[offset + 1]! + 1) * 8;
    if (offset > totalBytes) return 'bad';
    if (fragment?.isFirst === false) break;
  }
  if (next !== IPPROTO.tcp && next !== IPPROTO.udp) return 'pass';
  return readPorts(frame, ETH_BYTES + offset, {
    ...(fragment && { fragment }),
    family: 6,
    src: formatIp(ip.slice(8, 24)),
    dst: formatIp(ip.slice(24, 40)),
    protocol: next,
    ttl: ip[7]!,
    tos: (be16(ip, 0) >> 4) & 255,
    totalBytes,
  });
}

function readPorts(
  frame: Uint8Array,
  l4Offset: number,
  ip: Omit<ModelPacket, 'sport' | 'dport' | 'flags' | 'l4Offset' | 'l4HeaderBytes'>,
): ModelPacket | 'bad' {
  if (ip.fragment?.isFirst === false) {
    return { ...ip, sport: 0, dport: 0, flags: 0, l4Offset, l4HeaderBytes: 0 };
  }
  const isTcp = ip.protocol === IPPROTO.tcp;
  const content = ETH_BYTES + ip.totalBytes - l4Offset;
  const least = isTcp ? 20 : 8;
  if (content < least || l4Offset + least > frame.length) return 'bad';
  const l4HeaderBytes = isTcp ? (frame[l4Offset + 12]! >> 4) * 4 : least;
  if (l4HeaderBytes < least || l4HeaderBytes > content) return 'bad';
  return {
    ...ip,
    sport: be16(frame, l4Offset),
    dport: be16(frame, l4Offset + 2),
    flags: isTcp ? frame[l4Offset + 13]! : 0,
    l4Offset,
    l4HeaderBytes,
  };
}

/** What a NATed packet is rewritten to. */
export interface NewTuple {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
}

/** The frame with other MAC addresses. */
export function withMacs(frame: Uint8Array, to: Uint8Array, from: Uint8Array): Uint8Array {
  const copy = frame.slice();
  copy.set(to, 0);
  copy.set(from, 6);
  return copy;
}

/** The frame with one hop less. */
export function hop(frame: Uint8Array, { family }: ModelPacket): Uint8Array {
  const copy = frame.slice();
  if (family === 6) {
    copy[ETH_BYTES + 7]!--;
    return copy;
  }
  const before = copy.slice(ETH_BYTES + 8, ETH_BYTES + 10);
  copy[ETH_BYTES + 8]!--;
  replaceSum(copy, ETH_BYTES + 10, before, copy.slice(ETH_BYTES + 8, ETH_BYTES + 10));
  return copy;
}

/** The frame with other addresses and ports, and one hop less. */
export function translate(frame: Uint8Array, packet: ModelPacket, to: NewTuple): Uint8Array {
  const copy = hop(frame, packet);
  const { family, l4Offset, protocol } = packet;
  const at = ETH_BYTES + (family === 4 ? 12 : 8);
  const addresses = Uint8Array.of(...parseIp(to.src), ...parseIp(to.dst));
  const before = copy.slice(at, at + addresses.length);
  copy.set(addresses, at);
  if (family === 4) replaceSum(copy, ETH_BYTES + 10, before, addresses);
  // Ports and checksum of the whole are in the first fragment.
  if (packet.fragment?.isFirst === false) return copy;
  const ports = Uint8Array.of(to.sport >> 8, to.sport & 255, to.dport >> 8, to.dport & 255);
  const portsBefore = copy.slice(l4Offset, l4Offset + 4);
  copy.set(ports, l4Offset);
  const sum = l4Offset + (protocol === IPPROTO.tcp ? 16 : 6);
  if (protocol === IPPROTO.udp && be16(copy, sum) === 0) return copy;
  const all = (first: Uint8Array, second: Uint8Array): Uint8Array =>
    Uint8Array.of(...first, ...second);
  replaceSum(copy, sum, all(before, portsBefore), all(addresses, ports));
  if (protocol === IPPROTO.udp && be16(copy, sum) === 0) copy.fill(255, sum, sum + 2);
  return copy;
}

/** RFC 1624, equation 3, word by word. */
function replaceSum(frame: Uint8Array, at: number, before: Uint8Array, after: Uint8Array): void {
  let sum = ~be16(frame, at) & 0xffff;
  for (let i = 0; i < before.length; i += 2) {
    sum += (~be16(before, i) & 0xffff) + be16(after, i);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  frame[at] = sum >> 8;
  frame[at + 1] = sum & 255;
}
