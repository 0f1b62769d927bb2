/**
 * Modulo hash: node number `FNV-1(key) mod N`. The simplest keyed choice, here for parity with
 * libraries that do the same: adding or removing one node remaps about (N - 1) / N of all keys.
 * `hash`, `maglev` and `rendezvous` remap about 1 / N.
 *
 * @module
 */
import { checkChoice } from '../errors.ts';
import { fnv1Key, murmur3Key } from '../key-hash.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Key, type Picker, type Policy } from '../policy.ts';
import { Rotation } from './rotation.ts';

/** Where a key goes whose node is not eligible: to the first that is, or to the next one after it. */
export type ModuloFallback = 'first' | 'next';

/**
 * @param options - `fallback`: default `"first"`.
 * @throws {ConfigError} For an unknown fallback.
 */
export function moduloHash({ fallback = 'first' }: { fallback?: ModuloFallback } = {}): Policy {
  checkChoice('moduloHash.fallback', fallback, ['first', 'next']);
  return {
    name: 'moduloHash',
    reads: {},
    hashKey: murmur3Key,
    createPicker: () => new ModuloHashPicker(fallback),
  };
}

class ModuloHashPicker implements Picker {
  readonly #fallback: ModuloFallback;
  readonly #keyless = new Rotation();

  constructor(fallback: ModuloFallback) {
    this.#fallback = fallback;
  }

  pick(table: NodeTable, key: Key | undefined): number {
    if (key === undefined) return this.#keyless.next(table);
    const { count } = table;
    if (count === 0) return NO_NODE;
    const index = (fnv1Key(key) >>> 0) % count;
    if (table.isEligible(index)) return index;
    return table.firstEligibleFrom(this.#fallback === 'first' ? 0 : (index + 1) % count);
  }

  membersChanged(table: NodeTable, previousIndex: Int32Array): void {
    this.#keyless.membersChanged(table, previousIndex);
  }
}
