/**
 * The balancer: a pool of nodes, a policy, and the answer to "which node gets the next job?".
 *
 * A pick goes through priority levels, panic, eligibility and the policy in that order; all but the
 * policy is laid out beforehand by `Pool`, so that in the common case (one level, built-in nodes,
 * nothing that depends on time) `next` is a few array reads.
 *
 * @module
 */
import * as BLOCKED from './blocked.ts';
import { unref, type ClockOption } from './clock.ts';
import { checkNumber, ConfigError } from './errors.ts';
import type { BalancerEvents } from './events.ts';
import { Job } from './job.ts';
import { LeakWatch, Lease } from './lease.ts';
import type { Level, Member } from './member.ts';
import { Node, type NodeLike, type NodeSettings } from './node.ts';
import type { OutlierOptions } from './outlier.ts';
import { pickChannel } from './pick-channel.ts';
import { NO_NODE, type Affinity, type Key, type Policy } from './policy.ts';
import { Pool } from './pool.ts';
import { spreadOverLevels } from './priority.ts';
import { randomSeed } from './random.ts';
import { RetryBudget } from './retry-budget.ts';
import { run, type RunFunction, type RunOptions } from './run.ts';
import type { SlowStartOptions } from './slow-start.ts';
import { nodeStats, type BalancerStats } from './stats.ts';

export interface BalancerOptions<N extends NodeLike> {
  policy: Policy;
  /** Initial nodes; these do not slow-start. */
  nodes?: readonly N[];
  /** Percent of eligible nodes below which health is ignored; default 0 = never. */
  panicThreshold?: number;
  slowStart?: SlowStartOptions;
  /** Passive health, off by default; `{}` turns it on with its defaults. */
  outlier?: OutlierOptions;
  /** Nodes of this zone are preferred while enough of them are eligible. */
  zone?: string;
  /** Makes all random choices repeatable. Default: from the platform's cryptographic source. */
  seed?: number;
  clock?: ClockOption;
  /** Appears in errors, statistics and diagnostics; default "balancer". */
  name?: string;
}

const DRAIN_TIMEOUT_MS = 30_000;
/** How often a caller's own node is asked whether its last job has ended. */
const DRAIN_POLL_MS = 20;
const LEVEL_SEED = 1;

/** Chooses nodes. All methods are synchronous unless they return a promise. */
export class Balancer<N extends NodeLike = Node> {
  readonly name: string;
  readonly #pool: Pool<N>;
  readonly #budget = new RetryBudget();
  #affinity: Affinity<Member> | undefined;
  #leakWatch: LeakWatch<N> | undefined;
  #spread = newSpread(0);
  #isEmpty = false;
  readonly #noNodeCount = new Float64Array(1);

  /**
   * @throws {ConfigError} For an option out of range, naming it and what is allowed.
   * @throws {DuplicateNodeError} When two of `nodes` share an id.
   */
  constructor(options: BalancerOptions<N>) {
    checkPolicy(options?.policy);
    const { policy, nodes = [], seed = randomSeed(), name = 'balancer' } = options;
    checkNumber('seed', seed, { min: -Number.MAX_SAFE_INTEGER, integer: true });
    this.name = name;
    this.#pool = new Pool<N>({ ...options, seed });
    this.#affinity = this.#affinityOf(policy);
    this.#pool.add(nodes, { slowly: false });
  }

  get size(): number {
    return this.#pool.size;
  }

  /** The nodes in insertion order; a frozen snapshot. */
  get nodes(): readonly N[] {
    return this.#pool.nodes;
  }

  get policy(): Policy {
    return this.#pool.policy;
  }

  /** Swaps the policy; the new one starts from its initial state. */
  set policy(policy: Policy) {
    checkPolicy(policy);
    this.#affinity = this.#affinityOf(policy);
    this.#pool.policy = policy;
  }

  get(id: string): N | undefined {
    return this.#pool.member(id)?.node as N | undefined;
  }

  has(id: string): boolean {
    return this.#pool.member(id) !== undefined;
  }

  /**
   * Appends nodes in order. Called from a node's method or an event handler during a pick, it takes
   * effect when the pick is over.
   *
   * @throws {DuplicateNodeError | ConfigError} And then none of the nodes was added.
   */
  add(...nodes: readonly N[]): void {
    this.#pool.add(nodes, { slowly: true });
  }

  /** Removes a node at once and returns it. Its jobs in flight may still end. */
  remove(id: string): N | undefined {
    return this.#pool.remove(id);
  }

  /**
   * Drains a node, waits until its load is 0 or the time is over, and removes it.
   *
   * @returns How many of its jobs still run; 0 also for an unknown id.
   */
  async removeGracefully(
    id: string,
    { timeoutMs = DRAIN_TIMEOUT_MS }: { timeoutMs?: number } = {},
  ): Promise<number> {
    checkNumber('removeGracefully.timeoutMs', timeoutMs, { min: 0 });
    const member = this.#pool.member(id);
    if (member === undefined) return 0;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(timeout);
        clearInterval(poll);
        resolve();
      };
      const timeout = setTimeout(finish, timeoutMs);
      const poll = setInterval(() => {
        if (member.node.load() === 0) finish();
      }, DRAIN_POLL_MS);
      unref(timeout);
      unref(poll);
      this.#pool.startLeaving(member, finish);
      if (member.node.load() === 0) finish();
    });
    if (this.#pool.member(id) === member) this.#pool.remove(id);
    return member.node.load();
  }

  /**
   * Replaces the whole membership in one rebuild. A node whose id is already present stays, with its
   * counters, health and ejection, and takes weight, priority, zone and maxConcurrency of the one given.
   *
   * @throws {DuplicateNodeError | ConfigError} And then nothing has changed.
   */
  set(nodes: readonly N[]): void {
    this.#pool.set(nodes);
  }

  /**
   * Changes settings of one node, also of a caller's own.
   *
   * @returns False for an unknown id.
   * @throws {ConfigError} For a value out of range; then nothing has changed.
   */
  update(id: string, settings: NodeSettings): boolean {
    const member = this.#pool.member(id);
    if (member === undefined) return false;
    this.#pool.update(member, settings);
    return true;
  }

  /**
   * The node that gets the next job, or `null` when none may. Never throws, allocates nothing.
   *
   * @param key - What keyed policies map to a node; the same key meets the same node.
   */
  next(key?: Key): N | null {
    const pool = this.#pool;
    if (this.#affinity !== undefined) return this.#nextWithCare(key, undefined);
    if (!pool.isPlain) {
      return pool.isPolledPlain ? this.#nextPolled(key) : this.#nextWithCare(key, undefined);
    }
    const level = pool.levels[0]!;
    const index = level.picker.pick(level.table, key);
    if (index === NO_NODE) return this.#noNode();
    return this.#picked(level, index, key);
  }

  /** As `next`, but never one of `tried`; what retries use. */
  nextExcept(key: Key | undefined, tried: ReadonlySet<N>): N | null {
    return this.#nextWithCare(key, tried);
  }

  /**
   * Picks a node, runs `fn` on it and counts the job exactly once, whatever happens. See
   * {@link RunOptions} for retries, time-out and abort.
   *
   * @throws {NoNodeError | AllAttemptsFailedError} Or the caller's abort reason, or an error that
   *   `retryOn` refuses.
   */
  run<T>(fn: RunFunction<N, T>, options?: RunOptions): Promise<T> {
    return run<N, T>(this, (node) => this.#startJob(node), fn, options);
  }

  /** A node with its job begun, to be ended with `done`; `null` when there is none. */
  acquire(key?: Key): Lease<N> | null {
    return this.#lease(this.next(key));
  }

  /** As `acquire`, but never one of `tried`. */
  acquireExcept(key: Key | undefined, tried: ReadonlySet<N>): Lease<N> | null {
    return this.#lease(this.nextExcept(key, tried));
  }

  /** Counts a call towards the budget for retries; for callers of `acquire` who retry by hand. */
  noteCall(): void {
    this.#budget.noteCall(this.#pool.clock.precise());
  }

  /** Takes one retry out of the budget that `run` draws on too; false when it is used up. */
  tryRetry(): boolean {
    return this.#budget.tryRetry(this.#pool.clock.precise());
  }

  /**
   * Feeds outlier detection with an outcome observed elsewhere, such as a failed health probe.
   *
   * @returns False for an unknown id.
   */
  report(id: string, ok: boolean): boolean {
    const member = this.#pool.member(id);
    if (member === undefined) return false;
    this.#pool.jobEnded(member, ok);
    return true;
  }

  /** Where everything stands. Asks every node. Allocates. */
  stats(): BalancerStats {
    const pool = this.#pool;
    if (pool.isTimed) pool.tick();
    pool.beginPick();
    for (const { table } of pool.levels) table.refresh();
    const nodes = [...pool.members()].map(nodeStats);
    const eligible = pool.levels.reduce((sum, { table }) => sum + table.eligibleCount, 0);
    pool.endPick();
    return {
      name: this.name,
      policy: this.policy.name,
      nodes,
      eligible,
      picks: nodes.reduce((sum, node) => sum + node.picks, 0),
      noNode: this.#noNodeCount[0]!,
      panicking: pool.isPanicking,
    };
  }

  on<K extends keyof BalancerEvents<N>>(
    event: K,
    listener: (...args: BalancerEvents<N>[K]) => void,
  ): this {
    this.#pool.events.on(event, listener);
    return this;
  }

  off<K extends keyof BalancerEvents<N>>(
    event: K,
    listener: (...args: BalancerEvents<N>[K]) => void,
  ): this {
    this.#pool.events.off(event, listener);
    return this;
  }

  once<K extends keyof BalancerEvents<N>>(
    event: K,
    listener: (...args: BalancerEvents<N>[K]) => void,
  ): this {
    this.#pool.events.once(event, listener);
    return this;
  }

  /** Stops timers and lets go of the nodes. The balancer must not be used afterwards. */
  destroy(): void {
    this.#pool.destroy();
  }

  #affinityOf(policy: Policy): Affinity<Member> | undefined {
    if (policy.createAffinity === undefined) return undefined;
    this.#pool.clock.start();
    return policy.createAffinity(this.#pool.clock) as Affinity<Member>;
  }

  #startJob(node: N): Job {
    return new Job(node, this.#pool.member(node.id), this.#pool.clock);
  }

  #lease(node: N | null): Lease<N> | null {
    if (node === null) return null;
    const job = this.#startJob(node);
    this.#leakWatch ??= new LeakWatch((leaked) => this.#pool.events.emit('leak', leaked));
    return this.#leakWatch.watch(new Lease<N>(job), job);
  }

  /** A pick from one level whose nodes are asked, and may call back. */
  #nextPolled(key: Key | undefined): N | null {
    const pool = this.#pool;
    pool.beginPick();
    const node = this.#chooseIn(pool.levels[0], key);
    pool.endPick();
    return node ?? this.#noNode();
  }

  /** A pick with whatever the plain one leaves out: time, levels, affinity, polling, exclusions. */
  #nextWithCare(key: Key | undefined, tried: ReadonlySet<N> | undefined): N | null {
    const pool = this.#pool;
    if (pool.isTimed) pool.tick();
    pool.beginPick();
    if (tried !== undefined) this.#markTried(tried, true);
    const node =
      this.#affinity === undefined || key === undefined
        ? this.#chooseLevelThenNode(key)
        : this.#chooseSticky(key, this.#affinity);
    if (tried !== undefined) this.#markTried(tried, false);
    pool.endPick();
    // A pool whose nodes were all tried is not empty.
    return node ?? (tried === undefined ? this.#noNode() : null);
  }

  /** The node that a client stays with, or a new one for it. */
  #chooseSticky(key: Key, affinity: Affinity<Member>): N | null {
    const member = affinity.use(key);
    const level = member?.level;
    let isAway = false;
    if (member !== undefined && level?.table.isUsable(member.index) === true) {
      const { index } = member;
      isAway = (level.table.blockedBits(index) & (BLOCKED.FULL | BLOCKED.TRIED)) !== 0;
      if (!isAway) return this.#picked(level, index, key);
    }
    const node = this.#chooseLevelThenNode(key);
    // A client whose node is merely full comes back to it later.
    if (node !== null && !isAway) affinity.assign(key, this.#pool.member(node.id)!);
    return node;
  }

  #chooseLevelThenNode(key: Key | undefined): N | null {
    const { levels } = this.#pool;
    if (levels.length < 2) return this.#chooseIn(levels[0], key);
    const preferred = this.#drawLevel(levels, key);
    const preferredNode = this.#chooseIn(preferred, key);
    if (preferredNode !== null) return preferredNode;
    // Nothing there after all (a retry, say, or a panic): the others in order of preference.
    for (const level of levels) {
      if (level === preferred) continue;
      const node = this.#chooseIn(level, key);
      if (node !== null) return node;
    }
    return null;
  }

  /** The level that this pick falls on; a key stays on its level while the spread does. */
  #drawLevel(levels: readonly Level[], key: Key | undefined): Level | undefined {
    if (this.#spread.percent.length !== levels.length) this.#spread = newSpread(levels.length);
    const { eligible, count, percent } = this.#spread;
    for (let i = 0; i < levels.length; i++) {
      const { table } = levels[i]!;
      table.refresh();
      eligible[i] = table.readyCount;
      count[i] = table.count;
    }
    spreadOverLevels(eligible, count, percent);
    const { hashKey } = this.policy;
    const drawn =
      key === undefined || hashKey === undefined
        ? this.#pool.random.below(100)
        : (hashKey(key, LEVEL_SEED) >>> 0) % 100;
    let sum = 0;
    for (let i = 0; i < levels.length; i++) {
      sum += percent[i]!;
      if (drawn < sum) return levels[i];
    }
    return undefined;
  }

  #chooseIn(level: Level | undefined, key: Key | undefined): N | null {
    if (level === undefined) return null;
    const index = level.picker.pick(level.table, key);
    return index === NO_NODE ? null : this.#picked(level, index, key);
  }

  #markTried(tried: ReadonlySet<N>, isTried: boolean): void {
    for (const node of tried) {
      const member = this.#pool.member(node.id);
      member?.level?.table.block(member.index, BLOCKED.TRIED, isTried);
    }
  }

  #picked(level: Level, index: number, key: Key | undefined): N {
    const { table } = level;
    table.picks[index]!++;
    this.#isEmpty = false;
    const node = table.nodes[index] as N;
    if (pickChannel?.hasSubscribers === true) {
      pickChannel.publish({ balancer: this.name, node: node.id, key });
    }
    return node;
  }

  #noNode(): null {
    this.#noNodeCount[0]!++;
    if (!this.#isEmpty) {
      this.#isEmpty = true;
      this.#pool.events.emit('empty');
    }
    return null;
  }
}

/** Scratch space for spreading traffic over levels, so that a pick allocates nothing. */
interface Spread {
  readonly eligible: Int32Array;
  readonly count: Int32Array;
  readonly percent: Int32Array;
}

function newSpread(levelCount: number): Spread {
  return {
    eligible: new Int32Array(levelCount),
    count: new Int32Array(levelCount),
    percent: new Int32Array(levelCount),
  };
}

/** @throws {ConfigError} For anything that is no policy. */
function checkPolicy(policy: Policy | undefined): void {
  if (typeof policy?.createPicker === 'function') return;
  throw new ConfigError('policy', 'must be a policy, such as policies.roundRobin()');
}
