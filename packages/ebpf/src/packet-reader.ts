/**
 * Reads Ethernet frames into a flat list of fields, for comparing what a program sent with what it
 * should have sent. Reading never fails: what does not fit is shown as bytes.
 *
 * @module
 */
import { formatIp, formatMac } from './ip-address.ts';
import { checksum, ETH_P_IP, ETH_P_IPV6, IPPROTO, pseudoHeader, TCP_FLAGS } from './packet.ts';

/** Fields by name (`eth.dst`, `ip.ttl`, `tcp.flags`), in the order of the bytes. */
export type FrameFields = ReadonlyMap<string, string>;

/** Next headers of IPv6 that are options of the header before. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60]);
/** Tunnels within tunnels that are followed. */
const DEPTH_MAX = 4;

/** All fields of a frame. Checksums are followed by `(wrong, …)` when they do not verify. */
export function readFrame(frame: Uint8Array): FrameFields {
  const reader = new FieldReader();
  reader.ethernet(frame);
  return reader.fields;
}

/** One line for each field in which two frames differ; empty when they are equal. */
export function diffFrames(expected: Uint8Array, actual: Uint8Array): string[] {
  if (Buffer.compare(expected, actual) === 0) return [];
  const wanted = readFrame(expected);
  const found = readFrame(actual);
  const names = [...new Set([...wanted.keys(), ...found.keys()])];
  const lines = names
    .filter((name) => wanted.get(name) !== found.get(name))
    .map(
      (name) => `${name}: ${found.get(name) ?? 'missing'}; expected ${wanted.get(name) ?? 'none'}`,
    );
  // Bytes that belong to no field, such as reserved bits.
  return lines.length > 0 ? lines : [`bytes: ${hex(actual)}; expected ${hex(expected)}`];
}

/** Names of checksum fields that do not verify. */
export function wrongChecksums(frame: Uint8Array): string[] {
  return [...readFrame(frame)]
    .filter(([, value]) => value.includes('(wrong'))
    .map(([name]) => name);
}

class FieldReader {
  readonly fields = new Map<string, string>();

  ethernet(frame: Uint8Array): void {
    if (frame.length < 14) {
      this.fields.set('eth.bytes', hex(frame));
      return;
    }
    const type = viewOf(frame).getUint16(12);
    this.fields.set('eth.dst', formatMac(frame.subarray(0, 6)));
    this.fields.set('eth.src', formatMac(frame.subarray(6, 12)));
    this.fields.set('eth.type', `0x${type.toString(16).padStart(4, '0')}`);
    const rest = frame.subarray(14);
    if (type === ETH_P_IP) this.#ipv4(rest, 'ip', 0);
    else if (type === ETH_P_IPV6) this.#ipv6(rest, 'ip', 0);
    else this.fields.set('eth.payload', hex(rest));
  }

  #ipv4(packet: Uint8Array, prefix: string, depth: number): void {
    const view = viewOf(packet);
    const headerBytes = ((packet[0] ?? 0) % 16) * 4;
    if (packet.length < 20 || headerBytes < 20 || headerBytes > packet.length) {
      this.fields.set(`${prefix}.bytes`, hex(packet));
      return;
    }
    const set = (name: string, value: string | number): void => this.#set(prefix, name, value);
    const flags = view.getUint16(6);
    const total = view.getUint16(2);
    set('version', packet[0]! >> 4);
    set('ihl', headerBytes / 4);
    set('tos', packet[1]!);
    set('length', total);
    set('id', view.getUint16(4));
    set('flags', `${flags & 0x4000 ? 'DF' : ''}${flags & 0x2000 ? 'MF' : ''}` || 'none');
    set('fragment', flags & 0x1fff);
    set('ttl', packet[8]!);
    set('protocol', packet[9]!);
    const isRight = checksum([packet.subarray(0, headerBytes)]) === 0;
    set('checksum', `${hex16(view.getUint16(10))}${isRight ? '' : ' (wrong)'}`);
    set('src', formatIp(packet.subarray(12, 16)));
    set('dst', formatIp(packet.subarray(16, 20)));
    if (headerBytes > 20) set('options', hex(packet.subarray(20, headerBytes)));
    const content = packet.subarray(headerBytes, Math.max(total, headerBytes));
    this.#content(content, { packet, prefix, depth, protocol: packet[9]!, addressAt: 12, size: 4 });
    if (packet.length > total) set('padding', hex(packet.subarray(total)));
  }

  #ipv6(packet: Uint8Array, prefix: string, depth: number): void {
    if (packet.length < 40) {
      this.fields.set(`${prefix}.bytes`, hex(packet));
      return;
    }
    const view = viewOf(packet);
    const set = (name: string, value: string | number): void => this.#set(prefix, name, value);
    const first = view.getUint32(0);
    const total = view.getUint16(4) + 40;
    set('version', first >>> 28);
    set('class', (first >>> 20) & 0xff);
    set('label', first & 0xfffff);
    set('length', total - 40);
    set('next', packet[6]!);
    set('hop', packet[7]!);
    set('src', formatIp(packet.subarray(8, 24)));
    set('dst', formatIp(packet.subarray(24, 40)));
    let protocol = packet[6]!;
    let at = 40;
    for (let i = 0; EXTENSIONS.has(protocol) && at + 8 <= packet.length; i++) {
      const length = (packet[at + 1]! + 1) * 8;
      set(`extension${i}`, hex(packet.subarray(at, at + length)));
      protocol = packet[at]!;
      at += length;
    }
    const content = packet.subarray(at, Math.max(total, at));
    this.#content(content, { packet, prefix, depth, protocol, addressAt: 8, size: 16 });
    if (packet.length > total) set('padding', hex(packet.subarray(total)));
  }

  #content(
    bytes: Uint8Array,
    ip: {
      readonly packet: Uint8Array;
      readonly prefix: string;
      readonly depth: number;
      readonly protocol: number;
      readonly addressAt: number;
      readonly size: number;
    },
  ): void {
    const { packet, protocol, addressAt, size, depth } = ip;
    if (depth < DEPTH_MAX && protocol === IPPROTO.ipip) {
      this.#ipv4(bytes, `inner.${ip.prefix}`, depth + 1);
      return;
    }
    if (depth < DEPTH_MAX && protocol === IPPROTO.ipv6) {
      this.#ipv6(bytes, `inner.${ip.prefix}`, depth + 1);
      return;
    }
    const source = packet.subarray(addressAt, addressAt + size);
    const destination = packet.subarray(addressAt + size, addressAt + 2 * size);
    const pseudo = pseudoHeader(source, destination, { protocol, length: bytes.length });
    const verify = showWhether(checksum([pseudo, bytes]) === 0);
    const outer = ip.prefix.replace(/ip$/, '');
    if (protocol === IPPROTO.tcp && bytes.length >= 20) this.#tcp(bytes, `${outer}tcp`, verify);
    else if (protocol === IPPROTO.udp && bytes.length >= 8) this.#udp(bytes, `${outer}udp`, verify);
    else if (protocol === IPPROTO.icmp && size === 4 && bytes.length >= 8) {
      const isRight = checksum([bytes]) === 0;
      this.#icmp(bytes, { prefix: `${outer}icmp`, depth, verify: showWhether(isRight) });
    } else if (protocol === IPPROTO.icmpv6 && size === 16 && bytes.length >= 8) {
      this.#icmp(bytes, { prefix: `${outer}icmp6`, depth, verify });
    } else this.#set(ip.prefix, 'payload', hex(bytes));
  }

  /** An error shows the packet that it quotes. */
  #icmp(
    bytes: Uint8Array,
    { prefix, depth, verify }: { prefix: string; depth: number; verify: Verify },
  ): void {
    const view = viewOf(bytes);
    const type = bytes[0]!;
    const about = bytes.subarray(8);
    this.#set(prefix, 'type', type);
    this.#set(prefix, 'code', bytes[1]!);
    this.#set(prefix, 'checksum', verify(view.getUint16(2)));
    this.#set(prefix, 'rest', view.getUint32(4));
    if (prefix.endsWith('icmp') ? [3, 11, 12].includes(type) : type >= 1 && type <= 4) {
      const inner = `${prefix}.about.ip`;
      if (about[0]! >> 4 === 4) this.#ipv4(about, inner, depth + 1);
      else this.#ipv6(about, inner, depth + 1);
    } else if (about.length > 0) this.#set(prefix, 'payload', hex(about));
  }

  #tcp(bytes: Uint8Array, prefix: string, verify: Verify): void {
    const view = viewOf(bytes);
    const set = (name: string, value: string | number): void => this.#set(prefix, name, value);
    const headerBytes = Math.min(Math.max((bytes[12]! >> 4) * 4, 20), bytes.length);
    const flags = Object.entries(TCP_FLAGS).filter(([, bit]) => (bytes[13]! & bit) !== 0);
    set('sport', view.getUint16(0));
    set('dport', view.getUint16(2));
    set('seq', view.getUint32(4));
    set('ack', view.getUint32(8));
    set('doff', bytes[12]! >> 4);
    set('flags', flags.map(([name]) => name).join('+') || 'none');
    set('window', view.getUint16(14));
    set('checksum', verify(view.getUint16(16)));
    set('urgent', view.getUint16(18));
    if (headerBytes > 20) set('options', hex(bytes.subarray(20, headerBytes)));
    if (bytes.length > headerBytes) set('payload', hex(bytes.subarray(headerBytes)));
  }

  #udp(bytes: Uint8Array, prefix: string, verify: Verify): void {
    const view = viewOf(bytes);
    const sum = view.getUint16(6);
    this.#set(prefix, 'sport', view.getUint16(0));
    this.#set(prefix, 'dport', view.getUint16(2));
    this.#set(prefix, 'length', view.getUint16(4));
    this.#set(prefix, 'checksum', sum === 0 ? 'none' : verify(sum));
    if (bytes.length > 8) this.#set(prefix, 'payload', hex(bytes.subarray(8)));
  }

  #set(prefix: string, name: string, value: string | number): void {
    this.fields.set(`${prefix}.${name}`, String(value));
  }
}

/** Shows a checksum, and whether it verifies. */
type Verify = (value: number) => string;

function showWhether(isRight: boolean): Verify {
  return (value) => `${hex16(value)}${isRight ? '' : ' (wrong)'}`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}
