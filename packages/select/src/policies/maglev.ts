/**
 * Maglev hashing: a table of M slots that the nodes fill in turns, each along a permutation of its
 * own. Lookups are one array read, shares are even to one slot, and when a node leaves only few
 * other keys move.
 *
 * Source: D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4; weights by letting a node take its turn only when it has earned one.
 *
 * @module
 */
import { ConfigError } from '../errors.ts';
import { murmur3 } from '../hash.ts';
import { murmur3Key } from '../key-hash.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Key, type Picker, type PickerContext, type Policy } from '../policy.ts';
import { Rotation } from './rotation.ts';

/** Primes, so that every skip visits every slot. */
export const MAGLEV_SIZES: readonly number[] = [
  251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_537, 131_071, 655_373, 5_000_011,
];
const SKIP_SEED = 0x9747b28c;
const RETRIES_MAX = 8;
/** Below this many slots per node the shares become visibly uneven. */
const SLOTS_PER_NODE_MIN = 100;

/**
 * O(1) per pick; building the table costs about M log M steps after a membership or weight change,
 * health changes rebuild nothing. Requests without a key go round robin.
 *
 * @param options - `tableSize`: one of {@link MAGLEV_SIZES}, default 65 537; take at least 100 slots
 *   per node.
 * @throws {ConfigError} For another size, naming the nearest allowed ones.
 */
export function maglev({ tableSize = 65_537 }: { tableSize?: number } = {}): Policy {
  checkTableSize(tableSize);
  return {
    name: 'maglev',
    reads: {},
    hashKey: murmur3Key,
    createPicker: (context) => new MaglevPicker(tableSize, context),
  };
}

/** Slot table of a set of nodes: where each permutation starts, how far it steps, what it earns. */
export interface MaglevRow {
  readonly offset: number;
  readonly skip: number;
  readonly weight: number;
}

/**
 * Fills `size` slots with the indices of `rows`, which must be sorted the same way in every process.
 *
 * @returns For each slot the index of its row, in the smallest unsigned type that holds them.
 */
export function buildMaglevTable(
  rows: readonly MaglevRow[],
  size: number,
): Uint8Array | Uint16Array | Uint32Array {
  const slots =
    rows.length < 2 ** 8
      ? new Uint8Array(size)
      : rows.length < 2 ** 16
        ? new Uint16Array(size)
        : new Uint32Array(size);
  const taken = new Uint8Array(size);
  const position = Int32Array.from(rows, (row) => row.offset);
  const skip = Int32Array.from(rows, (row) => row.skip);
  // Earned in units of the largest weight and not as fractions of it: integer weights stay exact.
  const weightMax = rows.reduce((max, row) => Math.max(max, row.weight), 0) || 1;
  const weight = Float64Array.from(rows, (row) => row.weight);
  if (weight.every((each) => each === 0)) weight.fill(1);
  const earned = new Float64Array(rows.length);

  for (let filled = 0; filled < size && rows.length > 0;) {
    for (let row = 0; row < rows.length && filled < size; row++) {
      earned[row]! += weight[row]!;
      if (earned[row]! < weightMax) continue;
      earned[row]! -= weightMax;
      let slot = position[row]!;
      while (taken[slot] === 1) {
        slot += skip[row]!;
        if (slot >= size) slot -= size;
      }
      taken[slot] = 1;
      slots[slot] = row;
      const next = slot + skip[row]!;
      position[row] = next >= size ? next - size : next;
      filled++;
    }
  }
  return slots;
}

class MaglevPicker implements Picker {
  readonly #tableSize: number;
  readonly #warn: (message: string) => void;
  readonly #keyless = new Rotation();
  /** For each slot the rank of its node by id. */
  #slots: Uint8Array | Uint16Array | Uint32Array = new Uint8Array(0);
  #indexByRank = new Int32Array(0);

  constructor(tableSize: number, { warn }: PickerContext) {
    this.#tableSize = tableSize;
    this.#warn = warn;
  }

  pick(table: NodeTable, key: Key | undefined): number {
    if (key === undefined) return this.#keyless.next(table);
    if (table.count === 0) return NO_NODE;
    const size = this.#tableSize;
    const hash = murmur3Key(key, 0) >>> 0;
    let slot = hash % size;
    const index = this.#indexByRank[this.#slots[slot]!]!;
    if (table.isEligible(index)) return index;

    const step = ((murmur3Key(key, SKIP_SEED) >>> 0) % (size - 1)) + 1;
    for (let retry = 0; retry < RETRIES_MAX; retry++) {
      slot = (slot + step) % size;
      const other = this.#indexByRank[this.#slots[slot]!]!;
      if (table.isEligible(other)) return other;
    }
    return this.#scanByRank(table, hash);
  }

  membersChanged(table: NodeTable, previousIndex: Int32Array): void {
    this.#keyless.membersChanged(table, previousIndex);
    this.weightsChanged(table);
  }

  weightsChanged(table: NodeTable): void {
    if (table.count * SLOTS_PER_NODE_MIN > this.#tableSize) {
      this.#warn(
        `maglev.tableSize: ${this.#tableSize} slots for ${table.count} nodes give uneven shares; ` +
          `take at least ${SLOTS_PER_NODE_MIN} slots per node`,
      );
    }
    this.#indexByRank = new Int32Array(table.count);
    table.rankById.forEach((rank, index) => (this.#indexByRank[rank] = index));
    const rows = Array.from(this.#indexByRank, (index) =>
      maglevRow(table.nodes[index]!.id, table.weight[index]!, this.#tableSize),
    );
    this.#slots = buildMaglevTable(rows, this.#tableSize);
  }

  /** Last resort: once round the pool, in an order that every process shares. */
  #scanByRank(table: NodeTable, hash: number): number {
    const { count } = table;
    const start = hash % count;
    for (let step = 0; step < count; step++) {
      const index = this.#indexByRank[(start + step) % count]!;
      if (table.isEligible(index)) return index;
    }
    return NO_NODE;
  }
}

/** The permutation of a node: offset and skip from two hashes of its id. */
export function maglevRow(id: string, weight: number, size: number): MaglevRow {
  return {
    offset: murmur3(id, 0) % size,
    skip: (murmur3(id, SKIP_SEED) % (size - 1)) + 1,
    weight,
  };
}

function checkTableSize(tableSize: number): void {
  if (MAGLEV_SIZES.includes(tableSize)) return;
  const below = MAGLEV_SIZES.findLast((size) => size < tableSize);
  const above = MAGLEV_SIZES.find((size) => size > tableSize);
  const nearest = [below, above].filter((size) => size !== undefined).join(' and ');
  const problem = isPrime(tableSize) ? 'is not an allowed size' : 'is not prime';
  throw new ConfigError(
    'maglev.tableSize',
    `${tableSize} ${problem}; nearest allowed sizes are ${nearest}`,
  );
}

function isPrime(value: number): boolean {
  if (!Number.isInteger(value) || value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}
