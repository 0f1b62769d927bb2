/**
 * Builds and reads Ethernet frames, for test runs: a frame is described field by field, lengths and
 * checksums are filled in unless they are given (a wrong checksum is a legitimate test).
 *
 * Sources: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), RFC 768 (UDP), RFC 792 and 4443 (ICMP), RFC
 * 1071 (checksum).
 *
 * @module
 */
import { ValueError } from './errors.ts';
import { parseIp, parseMac } from './ip-address.ts';

export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;

export const IPPROTO = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, icmpv6: 58 } as const;

/** Bits of the TCP flags byte. */
export const TCP_FLAGS = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
  urg: 0x20,
  ece: 0x40,
  cwr: 0x80,
} as const;

export type TcpFlag = keyof typeof TCP_FLAGS;

/** Payload as text or bytes. */
export type Payload = string | Uint8Array;

export interface TcpSpec {
  readonly sport: number;
  readonly dport: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: readonly TcpFlag[];
  /** 64240 by default. */
  readonly window?: number;
  readonly urgent?: number;
  /** Option bytes; padded with zeros to a multiple of 4. */
  readonly options?: Uint8Array;
  /** Header length in 32-bit words, instead of the right one. */
  readonly doff?: number;
  readonly checksum?: number;
  readonly payload?: Payload;
}

export interface UdpSpec {
  readonly sport: number;
  readonly dport: number;
  /** Header and payload, instead of the right value. */
  readonly length?: number;
  /** 0 sends no checksum (IPv4). */
  readonly checksum?: number;
  readonly payload?: Payload;
}

/** ICMP in IPv4 packets, ICMPv6 in IPv6 packets. */
export interface IcmpSpec {
  readonly type: number;
  readonly code?: number;
  /** The second word of the header: identifier and sequence number, or the MTU. */
  readonly rest?: number;
  readonly checksum?: number;
  /** The packet that an error is about, of which it quotes so many bytes; all by default. */
  readonly about?: { readonly ipv4?: Ipv4Spec; readonly ipv6?: Ipv6Spec; readonly bytes?: number };
  readonly payload?: Payload;
}

interface IpSpec {
  readonly src: string;
  readonly dst: string;
  /** One of these is the content. */
  readonly tcp?: TcpSpec;
  readonly udp?: UdpSpec;
  readonly icmp?: IcmpSpec;
  readonly ipv4?: Ipv4Spec;
  readonly ipv6?: Ipv6Spec;
  readonly payload?: Payload;
}

export interface Ipv4Spec extends IpSpec {
  readonly version?: number;
  /** Header length in 32-bit words, instead of the right one. */
  readonly ihl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** "Don't fragment" is set by default. */
  readonly df?: boolean;
  readonly mf?: boolean;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
  readonly ttl?: number;
  readonly protocol?: number;
  readonly totalLength?: number;
  readonly checksum?: number;
  /** Option bytes; padded with zeros to a multiple of 4. */
  readonly options?: Uint8Array;
}

export interface Ipv6Spec extends IpSpec {
  readonly version?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly hopLimit?: number;
  readonly nextHeader?: number;
  readonly payloadLength?: number;
  /** Extension headers in order; `data` is what follows the two bytes "next header" and "length". */
  readonly extensions?: readonly { readonly header: number; readonly data: Uint8Array }[];
}

export interface FrameSpec {
  /** Destination and source MAC addresses. */
  readonly to: string;
  readonly from: string;
  /** Tags of IEEE 802.1Q, the outer one first: number of the VLAN, and priority in the upper bits. */
  readonly vlans?: readonly number[];
  /** Instead of what follows from the content. */
  readonly type?: number;
  readonly ipv4?: Ipv4Spec;
  readonly ipv6?: Ipv6Spec;
  readonly payload?: Payload;
  /** Zero bytes behind the content, as Ethernet adds to short frames. */
  readonly padding?: number;
}

/**
 * The bytes of a frame.
 *
 * @throws {ValueError} if an address is none or a part is longer than its length field can say.
 */
export function buildFrame(frame: FrameSpec): Uint8Array {
  const { ipv4, ipv6, payload, padding = 0 } = frame;
  const content = ipv4 ? buildIpv4(ipv4) : ipv6 ? buildIpv6(ipv6) : payloadBytes(payload);
  const type = frame.type ?? (ipv4 ? ETH_P_IP : ipv6 ? ETH_P_IPV6 : 0);
  return concat([
    parseMac(frame.to),
    parseMac(frame.from),
    ...(frame.vlans ?? []).flatMap((vlan) => [be16(ETH_P_8021Q), be16(vlan)]),
    be16(type),
    content,
    new Uint8Array(padding),
  ]);
}

/** The bytes of an IPv4 packet. */
export function buildIpv4(ip: Ipv4Spec): Uint8Array {
  const source = parseIp(ip.src);
  const destination = parseIp(ip.dst);
  const options = padded(ip.options ?? new Uint8Array());
  const headerBytes = 20 + options.length;
  const content = ipContent(ip, source, destination);
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  view.setUint8(0, ((ip.version ?? 4) << 4) | (ip.ihl ?? headerBytes / 4));
  view.setUint8(1, ip.tos ?? 0);
  view.setUint16(2, checkedLength(ip.totalLength ?? headerBytes + content.bytes.length));
  view.setUint16(4, ip.id ?? 0);
  const flags = ((ip.df ?? true) ? 0x4000 : 0) | (ip.mf ? 0x2000 : 0);
  view.setUint16(6, flags | (ip.fragmentOffset ?? 0));
  view.setUint8(8, ip.ttl ?? 64);
  view.setUint8(9, ip.protocol ?? content.protocol);
  header.set(source, 12);
  header.set(destination, 16);
  header.set(options, 20);
  view.setUint16(10, ip.checksum ?? checksum([header]));
  return concat([header, content.bytes]);
}

/** The bytes of an IPv6 packet. */
export function buildIpv6(ip: Ipv6Spec): Uint8Array {
  const source = parseIp(ip.src);
  const destination = parseIp(ip.dst);
  const content = ipContent(ip, source, destination);
  const extensions = ip.extensions ?? [];
  const headers = extensions.map(({ data }, i) =>
    extensionHeader(extensions[i + 1]?.header ?? ip.nextHeader ?? content.protocol, data),
  );
  const rest = concat([...headers, content.bytes]);
  const fixed = new Uint8Array(40);
  const view = new DataView(fixed.buffer);
  const classAndLabel = ((ip.trafficClass ?? 0) << 20) | (ip.flowLabel ?? 0);
  view.setUint32(0, (((ip.version ?? 6) << 28) | classAndLabel) >>> 0);
  view.setUint16(4, checkedLength(ip.payloadLength ?? rest.length));
  view.setUint8(6, extensions[0]?.header ?? ip.nextHeader ?? content.protocol);
  view.setUint8(7, ip.hopLimit ?? 64);
  fixed.set(source, 8);
  fixed.set(destination, 24);
  return concat([fixed, rest]);
}

/** The Internet checksum (RFC 1071) over parts, of which all but the last have an even length. */
export function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** The pseudo header that TCP, UDP and ICMPv6 checksums begin with. */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  rest: { readonly protocol: number; readonly length: number },
): Uint8Array {
  const { protocol, length } = rest;
  const tail =
    source.length === 4
      ? [0, protocol, length >> 8, length & 0xff]
      : [0, 0, length >> 8, length & 0xff, 0, 0, 0, protocol];
  return concat([source, destination, Uint8Array.from(tail)]);
}

function ipContent(
  ip: IpSpec,
  source: Uint8Array,
  destination: Uint8Array,
): { protocol: number; bytes: Uint8Array } {
  const addresses = { source, destination };
  if (ip.tcp) return { protocol: IPPROTO.tcp, bytes: buildTcp(ip.tcp, addresses) };
  if (ip.udp) return { protocol: IPPROTO.udp, bytes: buildUdp(ip.udp, addresses) };
  if (ip.icmp) {
    const isV6 = source.length === 16;
    const protocol = isV6 ? IPPROTO.icmpv6 : IPPROTO.icmp;
    return { protocol, bytes: buildIcmp(ip.icmp, isV6 ? addresses : undefined) };
  }
  if (ip.ipv4) return { protocol: IPPROTO.ipip, bytes: buildIpv4(ip.ipv4) };
  if (ip.ipv6) return { protocol: IPPROTO.ipv6, bytes: buildIpv6(ip.ipv6) };
  return { protocol: 255, bytes: payloadBytes(ip.payload) };
}

interface Addresses {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

function buildTcp(tcp: TcpSpec, { source, destination }: Addresses): Uint8Array {
  const options = padded(tcp.options ?? new Uint8Array());
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  view.setUint16(0, tcp.sport);
  view.setUint16(2, tcp.dport);
  view.setUint32(4, tcp.seq ?? 0);
  view.setUint32(8, tcp.ack ?? 0);
  view.setUint8(12, (tcp.doff ?? header.length / 4) << 4);
  view.setUint8(
    13,
    (tcp.flags ?? []).reduce((bits, flag) => bits | TCP_FLAGS[flag], 0),
  );
  view.setUint16(14, tcp.window ?? 64_240);
  view.setUint16(18, tcp.urgent ?? 0);
  header.set(options, 20);
  const segment = concat([header, payloadBytes(tcp.payload)]);
  const pseudo = pseudoHeader(source, destination, { protocol: 6, length: segment.length });
  new DataView(segment.buffer).setUint16(16, tcp.checksum ?? checksum([pseudo, segment]));
  return segment;
}

function buildUdp(udp: UdpSpec, { source, destination }: Addresses): Uint8Array {
  const payload = payloadBytes(udp.payload);
  const length = udp.length ?? 8 + payload.length;
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, udp.sport);
  view.setUint16(2, udp.dport);
  view.setUint16(4, length);
  const datagram = concat([header, payload]);
  const pseudo = pseudoHeader(source, destination, { protocol: 17, length });
  // A sum of zero means "no checksum" in UDP and is sent as all ones (RFC 768).
  const sum = checksum([pseudo, datagram]) || 0xffff;
  new DataView(datagram.buffer).setUint16(6, udp.checksum ?? sum);
  return datagram;
}

/** @param addresses - Of ICMPv6, whose checksum covers them. */
function buildIcmp(icmp: IcmpSpec, addresses: Addresses | undefined): Uint8Array {
  const { ipv4, ipv6, bytes } = icmp.about ?? {};
  const about = ipv4 ? buildIpv4(ipv4) : ipv6 ? buildIpv6(ipv6) : payloadBytes(icmp.payload);
  const header = new Uint8Array(8);
  const message = concat([header, about.subarray(0, bytes)]);
  const view = new DataView(message.buffer);
  view.setUint8(0, icmp.type);
  view.setUint8(1, icmp.code ?? 0);
  view.setUint32(4, icmp.rest ?? 0);
  const pseudo =
    addresses === undefined
      ? []
      : [
          pseudoHeader(addresses.source, addresses.destination, {
            protocol: IPPROTO.icmpv6,
            length: message.length,
          }),
        ];
  view.setUint16(2, icmp.checksum ?? checksum([...pseudo, message]));
  return message;
}

function extensionHeader(next: number, data: Uint8Array): Uint8Array {
  const units = Math.ceil((data.length + 2) / 8);
  const header = new Uint8Array(units * 8);
  header[0] = next;
  header[1] = units - 1;
  header.set(data, 2);
  return header;
}

function payloadBytes(payload: Payload | undefined): Uint8Array {
  if (payload === undefined) return new Uint8Array();
  return typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
}

function padded(options: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(options.length / 4) * 4);
  bytes.set(options);
  return bytes;
}

function checkedLength(length: number): number {
  if (length > 0xffff) throw new ValueError(`an IP packet of ${length} bytes is too long`);
  return length;
}

function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
