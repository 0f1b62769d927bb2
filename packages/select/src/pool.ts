/**
 * The membership of a balancer and everything that decides who is eligible: tables per priority
 * level, health, draining, ejection, slow start. What is looked up at every pick is laid out here,
 * off the hot path, whenever something changes.
 *
 * @module
 */
import * as BLOCKED from './blocked.ts';
import { PoolClock, unref, type ClockOption } from './clock.ts';
import { checkNumber, DuplicateNodeError } from './errors.ts';
import { Emitter, warn, type BalancerEvents, type EjectReason } from './events.ts';
import { Member, type Level, type MemberHost } from './member.ts';
import {
  checkNodeSettings,
  Node,
  observe,
  unobserve,
  type NodeLike,
  type NodeSettings,
} from './node.ts';
import { NodeTable, type TableRow } from './node-table.ts';
import { OutlierDetector, type OutlierHost, type OutlierOptions } from './outlier.ts';
import type { Policy } from './policy.ts';
import { Xorshift32 } from './random.ts';
import { SlowStart, type SlowStartOptions } from './slow-start.ts';

export interface PoolOptions {
  policy: Policy;
  seed: number;
  panicThreshold?: number | undefined;
  slowStart?: SlowStartOptions | undefined;
  outlier?: OutlierOptions | undefined;
  zone?: string | undefined;
  clock?: ClockOption | undefined;
}

/** The longest delay that timers take. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class Pool<N extends NodeLike> implements MemberHost, OutlierHost {
  readonly clock: PoolClock;
  readonly events: Emitter<BalancerEvents<N>> = new Emitter();
  readonly random: Xorshift32;
  /** Priority levels in order of preference; empty for an empty pool. */
  levels: readonly Level[] = [];
  /** True when a pick needs no more than asking the picker of the only level. */
  isPlain = false;
  /** As `isPlain`, but some nodes must be asked. */
  isPolledPlain = false;
  readonly #members = new Map<string, Member>();
  readonly #panicPercent: number;
  readonly #zone: string | undefined;
  readonly #slowStart: SlowStart | undefined;
  readonly #outlier: OutlierDetector | undefined;
  readonly #warned = new Set<string>();
  #policy: Policy;
  #snapshot: readonly N[] | undefined;
  #pickDepth = 0;
  #isStale = false;
  #isPolicyNew = true;
  #isBatching = false;
  #wasPanicking = false;
  /** When something is due by time. Typed, because a field would box the number. */
  readonly #dueAt = Float64Array.of(Infinity);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isDestroyed = false;

  constructor(options: PoolOptions) {
    this.#policy = options.policy;
    this.random = new Xorshift32(options.seed);
    this.clock = new PoolClock(options.clock);
    this.#zone = options.zone;
    this.#panicPercent = checkNumber('panicThreshold', options.panicThreshold ?? 0, {
      min: 0,
      max: 100,
    });
    if (options.slowStart !== undefined) this.#slowStart = new SlowStart(options.slowStart);
    if (options.outlier !== undefined) {
      this.#outlier = new OutlierDetector(options.outlier, this);
    }
    if (this.isTimed) this.clock.start();
    this.#schedule();
  }

  /** True when the passing of time alone can change who is eligible. */
  get isTimed(): boolean {
    return this.#slowStart !== undefined || this.#outlier !== undefined;
  }

  /** True while some level sends work to nodes without regard to their health. */
  get isPanicking(): boolean {
    return this.levels.some(({ table }) => table.isPanicking);
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Takes another policy, which starts from its initial state. */
  set policy(policy: Policy) {
    this.#policy = policy;
    this.#isPolicyNew = true;
    this.#changed();
  }

  get size(): number {
    return this.#members.size;
  }

  /** The nodes in insertion order, frozen; the same array until the membership changes. */
  get nodes(): readonly N[] {
    return (this.#snapshot ??= Object.freeze(
      [...this.#members.values()].map((each) => each.node as N),
    ));
  }

  member(id: string): Member | undefined {
    return this.#members.get(id);
  }

  members(): Iterable<Member> {
    return this.#members.values();
  }

  otherEligibleCount(member: Member): number {
    let count = 0;
    for (const { table } of this.levels) {
      table.refresh();
      count += table.readyCount;
    }
    const { level } = member;
    return level?.table.blockedBits(member.index) === 0 ? count - 1 : count;
  }

  /** Adds all of `nodes`, or none when one of them cannot be added. */
  add(nodes: readonly N[], { slowly }: { slowly: boolean }): void {
    const ids = new Set(this.#members.keys());
    checkNewNodes(nodes, ids);
    const added = nodes.map((node) => this.#join(node));
    this.#changed();
    if (slowly) for (const member of added) this.#startSlowly(member);
    this.#announce('add', added);
  }

  remove(id: string): N | undefined {
    const member = this.#members.get(id);
    if (member === undefined) return undefined;
    this.#leave(member);
    this.#changed();
    this.events.emit('remove', member.node as N);
    return member.node as N;
  }

  /** Makes `nodes` the whole membership, keeping the node object and state of every known id. */
  set(nodes: readonly N[]): void {
    checkNewNodes(nodes, new Set());
    const isRunning = this.#members.size > 0;
    const wanted = new Map(nodes.map((node) => [node.id, node]));
    const removed = [...this.#members.values()].filter((member) => !wanted.has(member.id));
    for (const member of removed) this.#leave(member);

    const before = new Map(this.#members);
    const updated: Member[] = [];
    const added: Member[] = [];
    this.#members.clear();
    for (const node of nodes) {
      const kept = before.get(node.id);
      if (kept === undefined) {
        added.push(this.#join(node));
        continue;
      }
      this.#members.set(node.id, kept);
      if (this.#takeSettings(kept, node)) updated.push(kept);
    }
    this.#changed();
    if (isRunning) for (const member of added) this.#startSlowly(member);
    this.#announce('remove', removed);
    this.#announce('update', updated);
    this.#announce('add', added);
  }

  /** Opens a pick that may call into nodes; changes of membership wait until it is closed. */
  beginPick(): void {
    this.#pickDepth++;
    const { levels } = this;
    for (let i = 0; i < levels.length; i++) levels[i]!.table.beginPick();
  }

  endPick(): void {
    this.#pickDepth--;
    if (this.#pickDepth === 0 && this.#isStale) this.#rebuild();
    this.#emitPanic();
  }

  /** Does what is due by time. Cheap when nothing is. */
  tick(): void {
    const now = this.clock.coarseTime()[0]!;
    if (now >= this.#dueAt[0]!) this.#runDue(now);
  }

  /** Starts draining; `onDrained` is called when a built-in node's last job ends. */
  startLeaving(member: Member, onDrained: () => void): void {
    member.onDrained = onDrained;
    this.drainChanged(member);
  }

  jobEnded(member: Member, ok: boolean): void {
    this.#outlier?.record(member, ok);
  }

  healthChanged(member: Member, healthy: boolean, reason: string): void {
    member.level?.table.block(member.index, BLOCKED.UNHEALTHY, !healthy);
    this.#healthNoted(member, healthy, reason);
    this.#emitPanic();
  }

  drainChanged(member: Member): void {
    member.level?.table.block(member.index, BLOCKED.DRAINING, member.isDraining);
    if (member.isDraining) this.events.emit('drain', member.node as N);
    this.#emitPanic();
  }

  settingsChanged(member: Member): void {
    if (!this.#isBatching) this.#moveSettings(member, member.node);
  }

  /** Changes settings of one member; a built-in node takes them over itself. */
  update(member: Member, settings: NodeSettings): void {
    const { id, node, weight, priority, zone } = member;
    if (node instanceof Node) {
      node.configure(settings);
      return;
    }
    const limit = member.limit === Infinity ? undefined : member.limit;
    const wanted = { weight, priority, zone, maxConcurrency: limit, ...settings };
    checkNodeSettings({ ...wanted, id });
    this.#moveSettings(member, wanted);
  }

  #moveSettings(member: Member, from: NodeSettings): void {
    const { priority, zone, weight } = member;
    if (!member.takeSettings(from)) return;
    if (priority !== member.priority || zone !== member.zone) {
      this.#changed();
    } else {
      this.#applySettings(member, weight);
    }
    this.events.emit('update', member.node as N);
    this.#emitPanic();
  }

  eject(member: Member, reason: EjectReason, ms: number): void {
    member.isEjected = true;
    member.level?.table.block(member.index, BLOCKED.EJECTED, true);
    this.#schedule();
    this.events.emit('eject', member.node as N, reason, ms);
    this.#emitPanic();
  }

  uneject(member: Member): void {
    member.isEjected = false;
    member.level?.table.block(member.index, BLOCKED.EJECTED, false);
    this.#startSlowly(member);
    this.events.emit('uneject', member.node as N);
    this.#emitPanic();
  }

  destroy(): void {
    this.#isDestroyed = true;
    clearTimeout(this.#timer);
    this.clock.stop();
    for (const member of this.#members.values()) {
      if (member.node instanceof Node) unobserve(member.node, member);
    }
    this.events.clear();
  }

  #join(node: N): Member {
    const member = new Member(node, this);
    this.#members.set(node.id, member);
    if (node instanceof Node) observe(node, member);
    return member;
  }

  #leave(member: Member): void {
    this.#members.delete(member.id);
    if (member.node instanceof Node) unobserve(member.node, member);
    this.#slowStart?.forget(member);
    this.#outlier?.forget(member);
    // A pick under way still reads the old table; the member itself must no longer write to it.
    member.level = undefined;
    member.index = -1;
    member.onDrained?.();
  }

  /** Gives a kept member the settings of the node that `set` named in its place. */
  #takeSettings(member: Member, from: NodeLike): boolean {
    if (member.node instanceof Node && member.node !== from) {
      this.#isBatching = true;
      const { weight = 1, priority = 0, zone, maxConcurrency } = from;
      member.node.configure({ weight, priority, zone, maxConcurrency });
      this.#isBatching = false;
    }
    return member.takeSettings(from);
  }

  /** Brings the table up to date after a change that keeps the member where it is. */
  #applySettings(member: Member, weightBefore: number): void {
    const { level, index } = member;
    if (level === undefined) return;
    level.table.setLimit(index, member.limit);
    if (member.weight === weightBefore) return;
    level.table.setWeight(index, member.weight);
    this.#slowStart?.update(this.clock.precise());
    level.picker.weightsChanged?.(level.table);
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#isStale = true;
    if (this.#pickDepth === 0) this.#rebuild();
    this.#schedule();
  }

  /** Lays the members out anew: one table per level, with the pickers of the levels that stay. */
  #rebuild(): void {
    this.#isStale = false;
    const groups = new Map<number, Member[]>();
    for (const member of this.#members.values()) {
      const number = this.#levelNumber(member);
      const group = groups.get(number);
      if (group === undefined) groups.set(number, [member]);
      else group.push(member);
    }
    const before = new Map(this.levels.map((level) => [level.number, level]));
    this.levels = [...groups]
      .toSorted(([a], [b]) => a - b)
      .map(([number, members]) => this.#buildLevel(number, members, before.get(number)));
    this.#isPolicyNew = false;
    const isSimple = this.levels.length === 1 && !this.isTimed;
    this.isPlain = isSimple && !this.levels[0]!.table.polled;
    this.isPolledPlain = isSimple && this.levels[0]!.table.polled;
    if (this.levels.some(({ table }) => table.polled)) this.clock.start();
    this.#emitPanic();
  }

  #buildLevel(number: number, members: readonly Member[], before: Level | undefined): Level {
    const now = this.clock.precise();
    const rows = members.map((member) => this.#rowOf(member, now));
    const table = new NodeTable(rows, {
      reads: this.#policy.reads,
      panicPercent: this.#panicPercent,
    });
    const kept = this.#isPolicyNew ? undefined : before;
    const picker = kept?.picker ?? this.#policy.createPicker(this.#pickerContext());
    const level: Level = { number, picker, table };
    const previousIndex = new Int32Array(members.length);
    for (const [index, member] of members.entries()) {
      previousIndex[index] = member.level === kept ? member.index : -1;
      member.level = level;
      member.index = index;
    }
    table.onRejoin = picker.rejoined?.bind(picker);
    // No function here may speak of `kept`: this one would keep it alive, and so every former table.
    table.onHealth = (index, healthy) =>
      this.#healthNoted(members[index]!, healthy, 'as the node says');
    picker.membersChanged?.(table, previousIndex);
    return level;
  }

  #rowOf(member: Member, now: number): TableRow {
    const { node, level, index } = member;
    const known = level?.table.blockedBits(index) ?? 0;
    const isUnhealthy = node instanceof Node ? !node.healthy : (known & BLOCKED.UNHEALTHY) !== 0;
    const blocked =
      (isUnhealthy ? BLOCKED.UNHEALTHY : 0) |
      (member.isEjected ? BLOCKED.EJECTED : 0) |
      (member.isDraining ? BLOCKED.DRAINING : 0) |
      (member.weight === 0 ? BLOCKED.WEIGHTLESS : 0);
    return {
      node,
      weight: member.weight,
      effectiveWeight: this.#slowStart?.effectiveWeight(member, now) ?? member.weight,
      limit: member.limit,
      blocked,
      picks: level?.table.picks[index] ?? 0,
    };
  }

  #pickerContext(): Parameters<Policy['createPicker']>[0] {
    return {
      random: this.random,
      clock: this.clock,
      warn: (message) => {
        if (this.#warned.has(message)) return;
        this.#warned.add(message);
        warn(message);
      },
    };
  }

  #levelNumber({ priority, zone }: Member): number {
    if (this.#zone === undefined) return priority;
    return 2 * priority + (zone === this.#zone ? 0 : 1);
  }

  #announce(event: 'add' | 'remove' | 'update', members: readonly Member[]): void {
    for (const member of members) this.events.emit(event, member.node as N);
  }

  #healthNoted(member: Member, healthy: boolean, reason: string): void {
    if (healthy) this.#startSlowly(member);
    this.events.emit('health', member.node as N, healthy, reason);
  }

  #startSlowly(member: Member): void {
    if (this.#slowStart === undefined) return;
    this.#slowStart.start(member, this.clock.precise());
    this.#schedule();
  }

  #emitPanic(): void {
    if (this.#panicPercent === 0) return;
    const { isPanicking } = this;
    if (isPanicking === this.#wasPanicking) return;
    this.#wasPanicking = isPanicking;
    this.events.emit('panic', isPanicking);
  }

  #runDue(now: number): void {
    this.#slowStart?.update(now);
    this.#outlier?.tick(now);
    this.#schedule();
  }

  /** Notes when something is due next, and has a timer wake up for it unless time is injected. */
  #schedule(): void {
    if (!this.isTimed || this.#isDestroyed) return;
    const now = this.clock.precise();
    const due = Math.min(
      this.#slowStart?.dueAt(now) ?? Infinity,
      this.#outlier?.dueAt() ?? Infinity,
    );
    this.#dueAt[0] = due;
    if (this.clock.injected) return;
    clearTimeout(this.#timer);
    if (due === Infinity) return;
    this.#timer = setTimeout(
      () => this.#runDue(this.clock.precise()),
      Math.min(TIMER_MS_MAX, Math.max(1, due - now)),
    );
    unref(this.#timer);
  }
}

/** @throws {ConfigError | DuplicateNodeError} Before anything has changed. */
function checkNewNodes(nodes: readonly NodeLike[], ids: Set<string>): void {
  for (const node of nodes) {
    checkNodeSettings(node);
    if (ids.has(node.id)) throw new DuplicateNodeError(node.id);
    ids.add(node.id);
  }
}
