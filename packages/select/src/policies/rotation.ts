/**
 * A cursor that goes round a table. Round robin is nothing else, and keyed policies use one for
 * requests without a key.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';
import { NO_NODE } from '../policy.ts';

export class Rotation {
  #cursor: number;
  /** Where the node before the cursor stood among the eligible ones. */
  #position = 0;

  /** @param start - Where the first look goes, modulo the number of nodes. */
  constructor(start = 0) {
    this.#cursor = start;
  }

  /** The first eligible index at or after the cursor, which moves one past it. */
  next(table: NodeTable): number {
    if (table.count === 0) return NO_NODE;
    const index = table.polled ? table.firstEligibleFrom(this.#cursor) : this.#nextListed(table);
    if (index !== NO_NODE) this.#cursor = index + 1 === table.count ? 0 : index + 1;
    return index;
  }

  #nextListed(table: NodeTable): number {
    const { eligible, eligibleCount } = table;
    if (eligibleCount === 0) return NO_NODE;
    const position = table.positionAfter(this.#cursor - 1, this.#position);
    this.#position = position < eligibleCount ? position : 0;
    return eligible[this.#position]!;
  }

  /** Keeps the rotation where it was among the nodes that stayed. */
  membersChanged(table: NodeTable, previousIndex: Int32Array): void {
    // Modulo here and not at each pick: from then on the cursor is a small integer.
    if (table.count === 0) return;
    const isFirstTime = previousIndex.every((previous) => previous < 0);
    if (isFirstTime) {
      this.#cursor %= table.count;
      return;
    }
    this.#cursor = survivorsBefore(previousIndex, this.#cursor) % table.count;
  }
}

/** How many nodes that stayed were at an index below `index` before a change of membership. */
export function survivorsBefore(previousIndex: Int32Array, index: number): number {
  let count = 0;
  for (const previous of previousIndex) if (previous >= 0 && previous < index) count++;
  return count;
}
