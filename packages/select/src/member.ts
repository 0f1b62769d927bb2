/**
 * A node as a member of one pool: where it stands in the pool's tables, and what the pool (not the
 * node) decides about it. Built-in nodes report to their members.
 *
 * @module
 */
import type { PoolClock } from './clock.ts';
import * as COUNTER from './counters.ts';
import { countersOf, Node, type NodeLike, type NodeObserver, type NodeSettings } from './node.ts';
import { JOB_ENDED_AT_MS, JOB_LATENCY_MS, type NodeTable } from './node-table.ts';
import { newOutlierRecord, type OutlierRecord } from './outlier.ts';
import type { Picker } from './policy.ts';

/** One priority level: its nodes and the picker that chooses among them. */
export interface Level {
  readonly number: number;
  readonly picker: Picker;
  table: NodeTable;
}

/** What members tell their pool. */
export interface MemberHost {
  readonly clock: PoolClock;
  jobEnded(member: Member, ok: boolean): void;
  healthChanged(member: Member, healthy: boolean, reason: string): void;
  drainChanged(member: Member): void;
  settingsChanged(member: Member): void;
}

export class Member implements NodeObserver {
  readonly id: string;
  readonly node: NodeLike;
  readonly outlier: OutlierRecord = newOutlierRecord();
  /** The level whose table holds this member; `undefined` and index -1 while in none. */
  level: Level | undefined;
  index = -1;
  weight: number = 1;
  priority = 0;
  zone: string | undefined;
  /** `Infinity` when the node has no `maxConcurrency`. */
  limit: number = Infinity;
  isEjected = false;
  /**
   * Set while the member leaves by `removeGracefully`, whatever the node itself says; called when its
   * last job ends, and when it is gone.
   */
  onDrained: (() => void) | undefined;
  readonly #host: MemberHost;

  constructor(node: NodeLike, host: MemberHost) {
    this.id = node.id;
    this.node = node;
    this.#host = host;
    this.takeSettings(node);
  }

  get clock(): PoolClock {
    return this.#host.clock;
  }

  get isDraining(): boolean {
    return this.onDrained !== undefined || (this.node instanceof Node && this.node.draining);
  }

  /** Copies weight, priority, zone and limit. Returns whether any of them changed. */
  takeSettings(from: NodeSettings): boolean {
    const { weight = 1, priority = 0, zone } = from;
    const limit = from.maxConcurrency ?? Infinity;
    const isSame =
      weight === this.weight &&
      priority === this.priority &&
      zone === this.zone &&
      limit === this.limit;
    this.weight = weight;
    this.priority = priority;
    this.zone = zone;
    this.limit = limit;
    return !isSame;
  }

  jobStarted(): void {
    const { level } = this;
    if (level === undefined) return;
    level.table.loadChanged(this.index, countersOf(this.node as Node)[COUNTER.LOAD]!);
    level.picker.jobStarted?.(level.table);
  }

  jobEnded(ok: boolean | null): void {
    const counters = countersOf(this.node as Node);
    const { level } = this;
    if (level !== undefined) {
      level.table.loadChanged(this.index, counters[COUNTER.LOAD]!);
      if (ok !== null) {
        level.table.averageChanged(this.index);
        level.picker.jobEnded?.(level.table, this.index);
        this.#host.jobEnded(this, ok);
      }
    }
    if (counters[COUNTER.LOAD] === 0) this.onDrained?.();
  }

  /** A job starts on a caller's own node, which counts for itself. */
  foreignJobStarted(): void {
    const { level } = this;
    level?.picker.jobStarted?.(level.table);
  }

  /** A job ended on a caller's own node: its pool still wants the latency and the outcome. */
  foreignJobEnded(ok: boolean, { latencyMs, now }: { latencyMs: number; now: number }): void {
    const { level } = this;
    if (level === undefined) return;
    const { lastJob } = level.table;
    lastJob[JOB_LATENCY_MS] = latencyMs;
    lastJob[JOB_ENDED_AT_MS] = now;
    level.picker.jobEnded?.(level.table, this.index);
    this.#host.jobEnded(this, ok);
  }

  healthChanged(reason: string): void {
    this.#host.healthChanged(this, (this.node as Node).healthy, reason);
  }

  drainChanged(): void {
    this.#host.drainChanged(this);
  }

  settingsChanged(): void {
    this.#host.settingsChanged(this);
  }
}
