/**
 * One job on one node: what `run`, `acquire` and the adapters have in common. Built-in nodes count
 * for themselves; for a caller's own node the time is taken here and handed to whoever judges nodes.
 *
 * @module
 */
import type { PoolClock } from './clock.ts';
import type { Member } from './member.ts';
import { Node, type NodeLike } from './node.ts';

/** A started job, to be ended exactly once; further calls have no effect. */
export class Job {
  readonly node: NodeLike;
  readonly #clock: PoolClock;
  /** Absent when the node left the pool during the very pick that chose it. */
  readonly #member: Member | undefined;
  #token = 0;
  readonly #startedAtMs: number;
  #isOpen = true;

  constructor(node: NodeLike, member: Member | undefined, clock: PoolClock) {
    this.node = node;
    this.#member = member;
    this.#clock = clock;
    this.#startedAtMs = clock.precise();
    if (node instanceof Node) this.#token = node.begin();
    else member?.foreignJobStarted();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Ends the job as a success or a failure of its node. */
  end(ok: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.node instanceof Node) {
      this.node.end(this.#token, ok);
    } else {
      const now = this.#clock.precise();
      this.#member?.foreignJobEnded(ok, { latencyMs: now - this.#startedAtMs, now });
    }
  }

  /** Ends the job without judging its node. */
  cancel(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.node instanceof Node) this.node.cancel(this.#token);
  }
}
