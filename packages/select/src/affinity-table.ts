/**
 * Which node each client stays with: a bounded table, least recently used out first. Links and
 * times are typed arrays, so a hit, which moves its entry to the front, allocates nothing.
 *
 * @module
 */
import type { PoolClock } from './clock.ts';
import type { Affinity, Key } from './policy.ts';

const NONE = -1;
const INITIAL_CAPACITY = 64;

/** Client keys to owners of any type. Grows by doubling up to `entriesMax`. */
export class AffinityTable<T extends object> implements Affinity<T> {
  readonly #clock: Pick<PoolClock, 'coarseTime'>;
  readonly #ttlMs: number;
  readonly #entriesMax: number;
  readonly #slots = new Map<Key, number>();
  #keys: Key[] = [];
  #owners: T[] = [];
  #usedAtMs = new Float64Array(INITIAL_CAPACITY);
  #newer = new Int32Array(INITIAL_CAPACITY);
  #older = new Int32Array(INITIAL_CAPACITY);
  #newest = NONE;
  #oldest = NONE;

  /** @param clock - Read here and not handed in with each call, which would box the time. */
  constructor(
    { ttlMs, entriesMax }: { ttlMs: number; entriesMax: number },
    clock: Pick<PoolClock, 'coarseTime'>,
  ) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#slots.size;
  }

  use(key: Key): T | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    const now = this.#clock.coarseTime()[0]!;
    if (now - this.#usedAtMs[slot]! >= this.#ttlMs) return undefined;
    this.#usedAtMs[slot] = now;
    this.#toFront(slot);
    return this.#owners[slot];
  }

  assign(key: Key, owner: T): void {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = this.#slotForNew();
      this.#slots.set(key, slot);
      this.#keys[slot] = key;
      this.#pushFront(slot);
    } else {
      this.#toFront(slot);
    }
    this.#owners[slot] = owner;
    this.#usedAtMs[slot] = this.#clock.coarseTime()[0]!;
  }

  /** A free slot: a new one while there is room, otherwise the least recently used one's. */
  #slotForNew(): number {
    if (this.#slots.size < this.#entriesMax) {
      const slot = this.#slots.size;
      if (slot === this.#usedAtMs.length) this.#grow();
      return slot;
    }
    const slot = this.#oldest;
    this.#unlink(slot);
    this.#slots.delete(this.#keys[slot]!);
    return slot;
  }

  #toFront(slot: number): void {
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#pushFront(slot);
  }

  #pushFront(slot: number): void {
    this.#newer[slot] = NONE;
    this.#older[slot] = this.#newest;
    if (this.#newest !== NONE) this.#newer[this.#newest] = slot;
    this.#newest = slot;
    if (this.#oldest === NONE) this.#oldest = slot;
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot]!;
    const older = this.#older[slot]!;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
  }

  #grow(): void {
    const capacity = Math.min(this.#usedAtMs.length * 2, this.#entriesMax);
    this.#usedAtMs = enlarged(this.#usedAtMs, new Float64Array(capacity));
    this.#newer = enlarged(this.#newer, new Int32Array(capacity));
    this.#older = enlarged(this.#older, new Int32Array(capacity));
  }
}

function enlarged<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
