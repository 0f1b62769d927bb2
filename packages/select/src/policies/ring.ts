/**
 * The consistent-hash ring: points of every node on the circle of 32-bit hashes; a key belongs to
 * the first point at or after its own hash.
 *
 * Source: D. Karger et al., "Consistent Hashing and Random Trees", STOC 1997.
 *
 * @module
 */
import { checkNumber } from '../errors.ts';
import { murmur3Bytes } from '../hash.ts';

export interface RingOptions {
  /** Points per node of average weight, 1 to 10 000, default 160. */
  replicas?: number;
  /** Seed of the hash, a 32-bit integer, default 0. All processes that share keys need the same. */
  seed?: number;
}

/** @throws {ConfigError} For a value out of range; `policy` names the option's owner. */
export function checkRingOptions(
  policy: string,
  { replicas = 160, seed = 0 }: RingOptions,
): Required<RingOptions> {
  checkNumber(`${policy}.replicas`, replicas, { min: 1, max: 10_000, integer: true });
  checkNumber(`${policy}.seed`, seed, { min: -(2 ** 31), max: 2 ** 32 - 1, integer: true });
  return { replicas, seed };
}

const HASH_BITS = 32;
const DIGIT_BITS = 11;
const ZERO = 48;

/** What a ring is made of; a whole node table will do. */
export interface RingMembers {
  readonly count: number;
  readonly nodes: ArrayLike<{ readonly id: string }>;
  readonly weight: ArrayLike<number>;
  /** For each member its place in the order of the ids. */
  readonly rankById: Int32Array;
}

/**
 * A ring as a table, for look-ups where there is no ring to search: slot s of `slots` belongs to
 * the owner of the hash s * 2^32 / slots.
 *
 * @param members - Ids and weights, in any order.
 * @param slots - A power of two up to 2^32.
 * @returns For each slot the index of its member; empty without members.
 * @throws {ConfigError} For ring options out of range.
 */
export function buildRingTable(
  members: readonly { readonly id: string; readonly weight: number }[],
  slots: number,
  options: RingOptions = {},
): Uint32Array {
  if (members.length === 0) return new Uint32Array(0);
  const order = members.map((_, index) => index).toSorted((a, b) => byId(members, a, b));
  const rankById = new Int32Array(members.length);
  order.forEach((index, rank) => (rankById[index] = rank));
  const weight = Float64Array.from(members, (member) => member.weight);
  const table = { count: members.length, nodes: members, weight, rankById };
  const ring = new Ring(table, checkRingOptions('buildRingTable', options));
  const width = 2 ** 32 / slots;
  return Uint32Array.from(
    { length: slots },
    (_, slot) => ring.owners[ring.pointFor(slot * width)]!,
  );
}

function byId(members: readonly { readonly id: string }[], a: number, b: number): number {
  const [first, second] = [members[a]!.id, members[b]!.id];
  return first < second ? -1 : Number(first > second);
}

/** An immutable ring over one table's members and configured weights. */
export class Ring {
  /** How many points there are. */
  readonly size: number;
  /** Hash of each point, ascending; equal hashes are ordered by the id of their node. */
  readonly hashes: Uint32Array;
  /** Table index of the node that owns each point. */
  readonly owners: Int32Array;
  /** First point of each bucket of equal hash prefix, and one past the last bucket. */
  readonly #buckets: Int32Array;
  readonly #bucketShift: number;

  constructor(table: RingMembers, { replicas, seed }: Required<RingOptions>) {
    const points = sortedByHash(pointsOf(table, { replicas, seed }));
    this.size = points.hashes.length;
    this.hashes = points.hashes;
    this.owners = points.owners;

    // About one point per bucket: a lookup reads one bucket and steps over a point or two.
    const { hashes, size } = this;
    const bits = Math.max(1, Math.ceil(Math.log2(Math.max(2, size))));
    const shift = HASH_BITS - bits;
    const buckets = new Int32Array(2 ** bits);
    // Each bucket starts where the points with smaller prefixes end.
    for (let at = 0; at < size; at++) buckets[hashes[at]! >>> shift]!++;
    let start = 0;
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      const inside = buckets[bucket]!;
      buckets[bucket] = start;
      start += inside;
    }
    this.#bucketShift = shift;
    this.#buckets = buckets;
  }

  /**
   * The point a hash belongs to: the first at or after it, or the first of all.
   *
   * @param hash - Signed or unsigned 32 bits. The ring must not be empty.
   */
  pointFor(hash: number): number {
    const wanted = hash >>> 0;
    let at = this.#buckets[wanted >>> this.#bucketShift]!;
    while (at < this.size && this.hashes[at]! < wanted) at++;
    return at === this.size ? 0 : at;
  }
}

interface Points {
  readonly hashes: Uint32Array;
  readonly owners: Int32Array;
}

/** All points in the order of their nodes' ids: point r of a node is the hash of `id#r`. */
function pointsOf(table: RingMembers, { replicas, seed }: Required<RingOptions>): Points {
  const counts = pointCounts(table, replicas);
  const size = counts.reduce((sum, count) => sum + count, 0);
  const points = { hashes: new Uint32Array(size), owners: new Int32Array(size) };
  const indexByRank = new Int32Array(table.count);
  table.rankById.forEach((rank, index) => (indexByRank[rank] = index));
  const encoder = new TextEncoder();
  const range = { start: 0, end: 0 };
  let at = 0;
  for (const index of indexByRank) {
    const prefix = encoder.encode(`${table.nodes[index]!.id}#`);
    // Room for the digits of any replica number.
    const label = new Uint8Array(prefix.length + 10);
    label.set(prefix);
    for (let replica = 0; replica < counts[index]!; replica++) {
      range.end = writeDecimal(replica, label, prefix.length);
      points.hashes[at] = murmur3Bytes(label, range, seed);
      points.owners[at] = index;
      at++;
    }
  }
  return points;
}

/** Writes the decimal digits of `value` to `bytes` from `start` on. Returns where they end. */
function writeDecimal(value: number, bytes: Uint8Array, start: number): number {
  let end = start + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let at = end - 1; at >= start; at--) {
    const shorter = Math.floor(rest / 10);
    bytes[at] = ZERO + rest - shorter * 10;
    rest = shorter;
  }
  return end;
}

/**
 * Radix sort, least significant digit first: several times faster than sorting with a comparator,
 * and stable, so that equal hashes stay in the order of their ids.
 */
function sortedByHash(points: Points): Points {
  const size = points.hashes.length;
  let from = points;
  let to: Points = { hashes: new Uint32Array(size), owners: new Int32Array(size) };
  for (let shift = 0; shift < HASH_BITS; shift += DIGIT_BITS) {
    const starts = new Int32Array(2 ** DIGIT_BITS + 1);
    const mask = 2 ** DIGIT_BITS - 1;
    for (const hash of from.hashes) starts[((hash >>> shift) & mask) + 1]!++;
    for (let digit = 0; digit < mask; digit++) starts[digit + 1]! += starts[digit]!;
    for (let at = 0; at < size; at++) {
      const hash = from.hashes[at]!;
      const place = starts[(hash >>> shift) & mask]!++;
      to.hashes[place] = hash;
      to.owners[place] = from.owners[at]!;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Points of each node: `replicas` on average, in proportion to the weights, at least one. */
function pointCounts({ weight, count }: RingMembers, replicas: number): number[] {
  const weights = Array.from(weight);
  const sum = weights.reduce((total, each) => total + each, 0);
  return weights.map((each) =>
    sum === 0 ? 1 : Math.max(1, Math.round((replicas * count * each) / sum)),
  );
}
