/**
 * What a selection policy is. A `Policy` is a description that can be shared between balancers; the
 * balancer asks it for a `Picker`, which holds the state of one policy over one node table.
 *
 * @module
 */
import type { PoolClock } from './clock.ts';
import type { NodeTable } from './node-table.ts';
import type { Xorshift32 } from './random.ts';

/** What requests are keyed by. Numbers are keyed by their decimal string. */
export type Key = string | number;

/** "No node is eligible": what pickers return instead of an index. */
export const NO_NODE = -1;

/** A selection policy. Hand the same one to as many balancers as you like. */
export interface Policy {
  readonly name: string;
  /** Which numbers of caller-supplied nodes the pickers read, so that only those are asked for. */
  readonly reads: { readonly load?: boolean; readonly average?: boolean };
  /**
   * Of policies that send the same key to the same node: the hash by which a key stays on one
   * priority level, too. Allocates nothing.
   */
  readonly hashKey?: (key: Key, seed: number) => number;
  /** Makes the table of which client stays with which node; the balancer keeps it. See `sticky`. */
  readonly createAffinity?: (clock: PoolClock) => Affinity<object>;
  createPicker(context: PickerContext): Picker;
}

/** Which owner each key stays with. */
export interface Affinity<T extends object> {
  /** The owner of a live entry, whose life starts anew; `undefined` otherwise. Allocates nothing. */
  use(key: Key): T | undefined;
  /** Makes `owner` the one that `key` stays with. */
  assign(key: Key, owner: T): void;
}

/** What a picker may use. */
export interface PickerContext {
  readonly random: Xorshift32;
  readonly clock: PoolClock;
  /** Tells the operator of something odd but workable; repeated texts are dropped. */
  readonly warn: (message: string) => void;
}

/** The state of a policy over one table. All hooks run off the hot path unless said otherwise. */
export interface Picker {
  /** Index of the chosen node, or `NO_NODE`. Allocates nothing and never throws. */
  pick(table: NodeTable, key: Key | undefined): number;
  /**
   * Members came, went or moved. Called once before the first pick.
   *
   * @param previousIndex - For every index of the table its index before, or -1 for a new member.
   */
  membersChanged?(table: NodeTable, previousIndex: Int32Array): void;
  /** A configured weight changed (slow start does not count). */
  weightsChanged?(table: NodeTable): void;
  /** A member became eligible again. On the hot path for nodes that are polled. */
  rejoined?(index: number): void;
  /** A job ended as `table.lastJob` tells. On the hot path. */
  jobEnded?(table: NodeTable, index: number): void;
  /** A job is about to start somewhere. On the hot path. */
  jobStarted?(table: NodeTable): void;
}
