/**
 * Rules as the maps keep them: `l4_match`, which is swapped as a whole, and the filter by which packets that no
 * rule can match pass at once.
 *
 * @module
 */
import { BPF_F_INNER_MAP, BpfMap, formatIp } from '@balancer/ebpf';
import { fromMapAddress, toMapAddress } from './address.ts';
import { fullRange, type Match, matchOf } from './match.ts';

/** A rule of the plane. */
export interface PlaneRule {
  readonly service: number;
  /** Number of the protocol. */
  readonly protocol: number;
  readonly family: 4 | 6;
  readonly match: Match;
  /** Numbers of the interfaces of `match`, 0 where it names none. */
  readonly iif: number;
  readonly oif: number;
  /** The service has flows and takes no new ones. */
  readonly isLeaving: boolean;
}

/** An interface that is not there: no packet comes from it. */
export const NO_INTERFACE = 0xffff_ffff;
/** Rules that packets are compared with. */
export const RULES_MAX = 256;

/** Offsets in `struct l4_match`, whose integers are in the host's order. */
const AT = { src: 0, dst: 32, ports: 64, iif: 72, oif: 76, service: 80, protocol: 84 } as const;
const NAMES_AT = { iif: 88, oif: 104 } as const;
const ADDRESS_BYTES = 16;
const NAME_BYTES = 16;
const RULE_BYTES = 128;
const FILTER_BITS = 65_536;

/** The rules as a map of its own, to be put into the outer map and closed. One of no rule matches nothing. */
export function createRules(rules: readonly PlaneRule[]): BpfMap {
  const map = BpfMap.create({
    name: 'l4_rules',
    type: 'array',
    keySize: 4,
    valueSize: RULE_BYTES,
    maxEntries: Math.max(rules.length, 1),
    flags: BPF_F_INNER_MAP,
  });
  const keys = new Uint8Array(Uint32Array.from(rules, (_, index) => index).buffer);
  const values = Buffer.concat(rules.map((rule) => encodeRule(rule)));
  map.updateBatch({ count: rules.length, keys, values: new Uint8Array(values) });
  return map;
}

/** The rules of the map that the outer map refers to. @param mapId - What a look-up there gives. */
export function readRules(mapId: number): PlaneRule[] {
  const map = BpfMap.fromId(mapId);
  try {
    return [...map.entries()].flatMap(([, value]) => decodeRule(value));
  } finally {
    map.close();
  }
}

/** Sources that rules may match: the value of `l4_match_filter`. */
export function matchFilter(rules: readonly PlaneRule[]): { words4: bigint[]; words6: bigint[] } {
  const four = new Uint8Array(FILTER_BITS / 8);
  const six = new Uint8Array(FILTER_BITS / 8);
  for (const { match, family } of rules) {
    const { first, last } = fullRange(match.src, family);
    if (family === 4) markFour(four, first, last);
    else markSix(six, first, last);
  }
  const words = (bytes: Uint8Array): bigint[] => [...new BigUint64Array(bytes.buffer)];
  return { words4: words(four), words6: words(six) };
}

/** The first 16 bits are the number of the bit. */
function markFour(bits: Uint8Array, first: Uint8Array, last: Uint8Array): void {
  const top = (address: Uint8Array): number => address[0]! * 256 + address[1]!;
  for (let bit = top(first); bit <= top(last); bit++) mark(bits, bit);
}

/** The first 32 bits are hashed; a range over more of them than there are bits may be anywhere. */
function markSix(bits: Uint8Array, first: Uint8Array, last: Uint8Array): void {
  const top = (address: Uint8Array): number => Buffer.from(address).readUInt32BE(0);
  const [from, to] = [top(first), top(last)];
  if (to - from >= FILTER_BITS) {
    bits.fill(0xff);
    return;
  }
  const word = Buffer.alloc(4);
  for (let network = from; network <= to; network++) {
    word.writeUInt32BE(network);
    mark(bits, Math.imul(word.readUInt32LE(), 0x9e37_79b1) >>> 16);
  }
}

function mark(bits: Uint8Array, bit: number): void {
  bits[bit >> 3]! |= 1 << (bit & 7);
}

/** Bytes of a rule. */
export function encodeRule({
  service,
  protocol,
  family,
  match,
  iif,
  oif,
  isLeaving,
}: PlaneRule): Uint8Array {
  const bytes = new Uint8Array(RULE_BYTES);
  const view = new DataView(bytes.buffer);
  const ranges = [fullRange(match.src, family), fullRange(match.dst, family)] as const;
  for (const [index, { first, last, ports }] of ranges.entries()) {
    const at = index === 0 ? AT.src : AT.dst;
    bytes.set(toMapAddress(formatIp(first)).bytes!, at);
    bytes.set(toMapAddress(formatIp(last)).bytes!, at + ADDRESS_BYTES);
    view.setUint16(AT.ports + index * 4, ports[0], true);
    view.setUint16(AT.ports + index * 4 + 2, ports[1], true);
  }
  view.setUint32(AT.iif, iif, true);
  view.setUint32(AT.oif, oif, true);
  view.setUint32(AT.service, service, true);
  bytes.set([protocol, family, isLeaving ? 1 : 0], AT.protocol);
  bytes.set(Buffer.from(match.iif), NAMES_AT.iif);
  bytes.set(Buffer.from(match.oif), NAMES_AT.oif);
  return bytes;
}

/** The rule in these bytes; none in an entry that nobody filled. */
export function decodeRule(bytes: Uint8Array): PlaneRule[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [protocol = 0, family = 0, isLeaving = 0] = bytes.subarray(AT.protocol);
  if (family !== 4 && family !== 6) return [];
  const match = matchOf({
    srcRange: rangeIn(bytes, AT.src, view, AT.ports),
    dstRange: rangeIn(bytes, AT.dst, view, AT.ports + 4),
    iif: nameIn(bytes, NAMES_AT.iif),
    oif: nameIn(bytes, NAMES_AT.oif),
  });
  return [
    {
      service: view.getUint32(AT.service, true),
      protocol,
      family,
      match,
      iif: view.getUint32(AT.iif, true),
      oif: view.getUint32(AT.oif, true),
      isLeaving: isLeaving !== 0,
    },
  ];
}

function rangeIn(bytes: Uint8Array, at: number, view: DataView, portsAt: number): string {
  const textAt = (offset: number): string =>
    fromMapAddress({ bytes: bytes.subarray(offset, offset + ADDRESS_BYTES) });
  const [first, last] = [textAt(at), textAt(at + ADDRESS_BYTES)];
  const ports = `${view.getUint16(portsAt, true)}-${view.getUint16(portsAt + 2, true)}`;
  const isAny = EVERYWHERE.has(`${first}-${last}`);
  if (isAny) return ports === '0-65535' ? '' : `:${ports}`;
  return first.includes(':') ? `[${first}-${last}]:${ports}` : `${first}-${last}:${ports}`;
}

/** Ranges that a match does not write down. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  '0.0.0.0-255.255.255.255',
  '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
]);

function nameIn(bytes: Uint8Array, at: number): string {
  const name = Buffer.from(bytes.subarray(at, at + NAME_BYTES));
  return name.subarray(0, name.indexOf(0)).toString();
}
