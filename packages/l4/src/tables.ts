/**
 * The tables by which the programs choose: a policy of `select`, or LVS's own sequence, written out
 * so that choosing is one array read in the kernel.
 *
 * Sources: the weighted round robin of Linux's ip_vs_wrr as its manual describes it; Maglev and the
 * ring as `select` documents them.
 *
 * @module
 */
import { buildMaglevTable, buildRingTable, maglevRow } from '@balancer/select';

/** A backend as a table names it. */
export interface TableMember {
  /** Slot in the map of backends; what the table holds. */
  readonly slot: number;
  /** `address:port`: equal on every node of a cluster, so that tables are equal too. */
  readonly id: string;
  /** 0 to 65535. */
  readonly weight: number;
}

/** Slots of the flattened ring: the upper 16 bits of a flow's hash. */
const RING_SLOTS = 65_536;
/** Slots of `sh` and `dh`. */
const HASH_SLOTS = 256;
/** Longer sequences of weighted round robin are scaled down to this. */
const SEQUENCE_MAX = 8192;

/** Each member once: all get the same share. */
export function roundRobinTable(members: readonly TableMember[]): Uint32Array {
  return Uint32Array.from(members, ({ slot }) => slot);
}

/**
 * One period of LVS's weighted round robin. Weights 4, 3, 2 give A A B A B C A B C.
 *
 * @param members - Those with weight 0 do not occur.
 */
export function weightedRoundRobinTable(members: readonly TableMember[]): Uint32Array {
  const taking = members.filter(({ weight }) => weight > 0);
  if (taking.length === 0) return new Uint32Array(0);
  const weights = scaled(taking.map(({ weight }) => weight));
  const step = weights.reduce(greatestCommonDivisor);
  const max = Math.max(...weights);
  const sequence: number[] = [];
  for (let threshold = max; threshold > 0; threshold -= step) {
    for (const [index, weight] of weights.entries()) {
      if (weight >= threshold) sequence.push(taking[index]!.slot);
    }
  }
  return Uint32Array.from(sequence);
}

/** Maglev over the ids. @param size - A prime of `MAGLEV_SIZES`. */
export function maglevTable(members: readonly TableMember[], size: number): Uint32Array {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (sorted.length === 0) return new Uint32Array(0);
  const rows = sorted.map(({ id, weight }) => maglevRow(id, weight, size));
  return Uint32Array.from(buildMaglevTable(rows, size), (row) => sorted[row]!.slot);
}

/** The consistent-hash ring of 160 points per member of average weight. */
export function ringTable(members: readonly TableMember[]): Uint32Array {
  return buildRingTable(members, RING_SLOTS).map((index) => members[index]!.slot);
}

/** LVS's table of `sh` and `dh`: the members in turn, each as often as its weight says, over and over. */
export function hashTable(members: readonly TableMember[]): Uint32Array {
  const taking = members.filter(({ weight }) => weight > 0);
  if (taking.length === 0) return new Uint32Array(0);
  const run = runs(taking);
  return Uint32Array.from({ length: HASH_SLOTS }, (_, index) => run[index % run.length]!);
}

/** Each member as often as its weight says, sorted by slot, so that the programs find the run of one. */
export function drawTable(members: readonly TableMember[]): Uint32Array {
  const taking = members.filter(({ weight }) => weight > 0);
  if (taking.length === 0) return new Uint32Array(0);
  return Uint32Array.from(runs(taking).toSorted((a, b) => a - b));
}

/** Each member once, the heaviest first; in the order given when weights are equal. */
export function byWeightTable(members: readonly TableMember[]): Uint32Array {
  return roundRobinTable(members.toSorted((a, b) => b.weight - a.weight));
}

/** Slots of members, each as often as its weight over the greatest common divisor says. */
function runs(members: readonly TableMember[]): number[] {
  const weights = scaled(members.map(({ weight }) => weight));
  const divisor = weights.reduce(greatestCommonDivisor);
  return members.flatMap(({ slot }, i) =>
    Array.from({ length: weights[i]! / divisor }, () => slot),
  );
}

/** Weights whose period fits, in about the same proportions, none below 1. */
function scaled(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const period = sum / weights.reduce(greatestCommonDivisor);
  if (period <= SEQUENCE_MAX) return [...weights];
  return weights.map((weight) => Math.max(1, Math.floor((weight * SEQUENCE_MAX) / sum)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
