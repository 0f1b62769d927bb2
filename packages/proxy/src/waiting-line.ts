/**
 * Clients that wait for a server of a backend because all of them are full, first come first
 * served.
 *
 * @module
 */
import type { Backend } from '@balancer/lb';

/** Something that waits for its turn. */
export interface Waiting {
  /**
   * A server may have room.
   *
   * @returns What to do once it has left the line; `undefined` when none has, and it keeps its place.
   */
  takeTurn(): (() => void) | undefined;
}

export class WaitingLine {
  private readonly backend: Backend;
  private readonly shareOf: (length: number) => number;
  // A Set keeps the order of arrival and lets somebody leave from the middle.
  private readonly line = new Set<Waiting>();

  /** @param shareOf - What this process may have of a length that others wait in too. */
  constructor(backend: Backend, shareOf: (length: number) => number) {
    this.backend = backend;
    this.shareOf = shareOf;
  }

  get length(): number {
    return this.line.size;
  }

  /** @returns False when the line is as long as the backend allows. */
  join(waiting: Waiting): boolean {
    if (this.line.size >= this.shareOf(this.backend.config.max_queue)) return false;
    this.line.add(waiting);
    this.backend.counters.queued = this.line.size;
    return true;
  }

  leave(waiting: Waiting): void {
    this.line.delete(waiting);
    this.backend.counters.queued = this.line.size;
  }

  /** Calls one after the other, for as long as servers have room. */
  callNext(): void {
    for (;;) {
      const next = this.line.values().next().value;
      const turn = next?.takeTurn();
      if (!next || !turn) return;
      this.leave(next);
      turn();
    }
  }
}
