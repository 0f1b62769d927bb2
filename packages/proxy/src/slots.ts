/**
 * A set whose members come and go all the time.
 *
 * The language's own `Set` makes a new table every few dozen additions and leaves the old one
 * pointing at it: once one old table has reached the collector's old generation, it keeps its
 * successors alive, and with them whoever was a member in between, until the next full collection.
 * Here a member has a slot of one array, which the next member gets when it leaves.
 *
 * @module
 */

export class Slots<T> {
  private readonly members: (T | undefined)[] = [];
  private readonly free: number[] = [];

  get size(): number {
    return this.members.length - this.free.length;
  }

  /** @returns The slot, to be given to {@link remove}. */
  add(member: T): number {
    const slot = this.free.pop() ?? this.members.length;
    this.members[slot] = member;
    return slot;
  }

  /** Must be called once for each {@link add}. */
  remove(slot: number): void {
    this.members[slot] = undefined;
    this.free.push(slot);
  }

  /** The members of this moment, in no particular order. Allocates. */
  list(): T[] {
    return this.members.filter((member) => member !== undefined);
  }
}
