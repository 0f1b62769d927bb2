/**
 * The rules by which services of mode `snat` find packets: protocol, addresses, ports, interfaces. A service is
 * known by its rule, whose text therefore has one form only.
 *
 * @module
 */
import { formatIp, parseIp } from '@balancer/ebpf';
import {
  ANY_PORTS,
  MATCH_PROTOCOLS,
  type MatchProtocol,
  type MatchRange,
  readMatchRange,
} from '@balancer/lb';
import { PlaneError } from './errors.ts';

/** Texts in the form that `rangeText` gives; `''` matches everything. */
export interface Match {
  readonly src: string;
  readonly dst: string;
  /** Names of interfaces. */
  readonly iif: string;
  readonly oif: string;
}

/** What a match and its family are made from. */
export interface MatchWords {
  readonly srcRange?: string | undefined;
  readonly dstRange?: string | undefined;
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
}

export interface Addresses {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/** A range with what a file leaves out. */
export interface FullRange extends Addresses {
  readonly family: 4 | 6;
  readonly ports: readonly [first: number, last: number];
}

/** Names of interfaces have to fit where the kernel keeps them. */
const NAME_BYTES_MAX = 15;

/**
 * Families that a rule can be for: that of its addresses, or both.
 *
 * @throws {PlaneError} when a range is none, descends, or the families of both differ.
 */
export function matchFamilies({ srcRange, dstRange }: MatchWords): readonly (4 | 6)[] {
  const families = [srcRange, dstRange].flatMap((text) => {
    const { addresses } = readRange(text ?? '');
    return addresses ? [familyOfBytes(parseIp(addresses.first))] : [];
  });
  if (families.length === 2 && families[0] !== families[1]) {
    throw new PlaneError(`${srcRange} and ${dstRange} are of different families`);
  }
  const [family] = families;
  return family === undefined ? [4, 6] : [family];
}

/** The match that words say, in its one form. @throws {PlaneError} as `matchFamilies`. */
export function matchOf(words: MatchWords): Match {
  const { iif = '', oif = '' } = words;
  for (const name of [iif, oif]) {
    if (name.length > NAME_BYTES_MAX || /[\s,=/]/.test(name)) {
      throw new PlaneError(`${name} is no name of an interface`);
    }
  }
  matchFamilies(words);
  return { src: rangeText(words.srcRange ?? ''), dst: rangeText(words.dstRange ?? ''), iif, oif };
}

/** A range of a match, complete. @param family - Of the service. */
export function fullRange(text: string, family: 4 | 6): FullRange {
  const { addresses, ports } = readRange(text);
  const length = family === 4 ? 4 : 16;
  const ends = addresses
    ? endsOf(addresses)
    : { first: new Uint8Array(length), last: new Uint8Array(length).fill(0xff) };
  return { ...ends, family, ports };
}

/**
 * What `ipvsadm -H` takes: `proto=tcp,src-range=10.0.0.0-10.0.0.255:0-0,oif=eth1`. The family is in it only where
 * no address shows it.
 */
export function matchText(protocol: string, family: 4 | 6, match: Match): string {
  return [
    ...(family === 6 && [match.src, match.dst].every(hasNoAddress) ? ['af=ipv6'] : []),
    `proto=${plainProtocol(protocol)}`,
    ...pairs(match, ['src-range', 'dst-range']),
  ].join(',');
}

/** How `ipvsadm -L` shows it: `tcp,from=10.0.0.0-10.0.0.255:0-0,oif=eth1`. */
export function listedMatch(protocol: string, match: Match): string {
  return [plainProtocol(protocol), ...pairs(match, ['from', 'to'])].join(',');
}

/**
 * Reads what `matchText` writes, and everything else that `ipvsadm -H` takes.
 *
 * @throws {PlaneError} with what is wrong.
 */
export function readMatch(text: string): {
  readonly protocol: MatchProtocol;
  readonly family: 4 | 6;
  readonly match: Match;
} {
  const words = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [key = '', ...rest] = pair.split('=');
    const value = rest.join('=');
    if (!MATCH_KEYS.includes(key)) {
      throw new PlaneError(`"${key}" is no part of a match; there are ${MATCH_KEYS.join(', ')}`);
    }
    if (words.has(key)) throw new PlaneError(`"${key}" is there twice`);
    words.set(key, value);
  }
  const protocol = MATCH_PROTOCOLS.find((each) => each === (words.get('proto') ?? 'tcp'));
  if (protocol === undefined) {
    throw new PlaneError(`proto must be one of ${MATCH_PROTOCOLS.join(', ')}`);
  }
  const given = {
    srcRange: words.get('src-range'),
    dstRange: words.get('dst-range'),
    iif: words.get('iif'),
    oif: words.get('oif'),
  };
  const family = familyIn(words.get('af'), matchFamilies(given));
  if (protocol === 'icmp') refusePorts(given);
  return { protocol, family, match: matchOf(given) };
}

const MATCH_KEYS = ['af', 'proto', 'src-range', 'dst-range', 'iif', 'oif'];

function familyIn(af: string | undefined, families: readonly (4 | 6)[]): 4 | 6 {
  if (af === undefined) return families[0]!;
  const family = af === 'ipv6' ? 6 : 4;
  if (af !== 'ipv4' && af !== 'ipv6') throw new PlaneError('af must be ipv4 or ipv6');
  if (!families.includes(family)) throw new PlaneError(`the addresses are not of ${af}`);
  return family;
}

function refusePorts({ srcRange = '', dstRange = '' }: MatchWords): void {
  for (const text of [srcRange, dstRange]) {
    if (readRange(text).ports === ANY_PORTS) continue;
    throw new PlaneError(`${text}: ICMP has no ports`);
  }
}

/** Ranges of ports alone begin with a colon. */
function hasNoAddress(text: string): boolean {
  return text === '' || text.startsWith(':');
}

/** ICMPv6 is ICMP to people: the addresses tell. */
function plainProtocol(protocol: string): string {
  return protocol === 'icmpv6' ? 'icmp' : protocol;
}

function pairs(
  { src, dst, iif, oif }: Match,
  [from, to]: readonly [from: string, to: string],
): string[] {
  return [
    [from, src],
    [to, dst],
    ['iif', iif],
    ['oif', oif],
  ].flatMap(([key, value]) => (value === '' ? [] : [`${key}=${value}`]));
}

/** A range in its one form: `10.0.0.0-10.0.0.255:0-0`, `[2001:db8::-2001:db8::ff]:1-1024`. */
function rangeText(text: string): string {
  const { addresses, ports } = readRange(text);
  const isAnyPort = ports[0] === ANY_PORTS[0] && ports[1] === ANY_PORTS[1];
  const portText = isAnyPort ? '0-0' : `${ports[0]}-${ports[1]}`;
  const { first, last } = addresses ? endsOf(addresses) : EVERYWHERE;
  const isAnyAddress = first.every((byte) => byte === 0) && last.every((byte) => byte === 0xff);
  if (isAnyAddress) return isAnyPort ? '' : `:${portText}`;
  const both = `${formatIp(first)}-${formatIp(last)}`;
  return first.length === 4 ? `${both}:${portText}` : `[${both}]:${portText}`;
}

/** Ends of a range without addresses. */
const EVERYWHERE: Addresses = {
  first: new Uint8Array(4),
  last: new Uint8Array(4).fill(0xff),
};

function readRange(text: string): MatchRange {
  if (text === '') return { ports: ANY_PORTS };
  const range = readMatchRange(text);
  if (!range) {
    throw new PlaneError(
      `${text} is no range; needs one such as 10.0.0.0/8 or 10.0.0.1-10.0.0.9:1-1024`,
    );
  }
  if (range.addresses) {
    const { first, last } = endsOf(range.addresses);
    if (Buffer.compare(first, last) > 0) throw new PlaneError(`${text} does not ascend`);
  }
  return range;
}

function endsOf(addresses: NonNullable<MatchRange['addresses']>): Addresses {
  const first = parseIp(addresses.first);
  if (addresses.length === undefined) return { first, last: parseIp(addresses.last!) };
  const bits = addresses.length;
  const masked = first.map((byte, index) => byte & maskByte(bits - index * 8));
  return { first: masked, last: masked.map((byte, i) => byte | (0xff & ~maskByte(bits - i * 8))) };
}

/** The byte of a network mask of which so many bits are left. */
function maskByte(bits: number): number {
  return bits <= 0 ? 0 : bits >= 8 ? 0xff : 0xff & (0xff << (8 - bits));
}

function familyOfBytes(bytes: Uint8Array): 4 | 6 {
  return bytes.length === 4 ? 4 : 6;
}
