/**
 * Polls all servers in rounds, in one process at a time: the one with the lease.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '@balancer/kit';
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import type { Lease } from '../store/leases.ts';
import type { ServerRow } from '../store/servers.ts';
import { MassFailureGuard } from './mass-failure.ts';
import {
  type FailingServer,
  holdBack,
  type PollResult,
  pollServer,
  pollVersion,
  takeOffline,
} from './poll-server.ts';

/** What the last round found, for status and metrics. */
export interface RoundSummary {
  readonly durationMs: number;
  readonly serverCount: number;
  readonly failureCount: number;
  readonly orphanCount: number;
}

/**
 * What a round looks at: health and load (`servers`), the same and the records against the lists
 * (`meetings`), the versions, or everything.
 */
export const POLL_PARTS = ['all', 'servers', 'meetings', 'versions'] as const;
export type PollPart = (typeof POLL_PARTS)[number];

/** A server that could not be reached is polled early, but at most this often. */
const EARLY_POLL_MIN_MS = 5000;
const LEASE_NAME = 'poller';

export class Poller {
  readonly #context: () => GatewayContext;
  readonly #owner = randomUUID();
  readonly #earlyAtMs = new Map<string, number>();
  readonly #tenantUsers = new Map<string, ReadonlyMap<string, number>>();
  readonly #guard = new MassFailureGuard();
  readonly #early = new Set<Promise<unknown>>();
  #lease: Lease | null = null;
  #timers: { readonly lease: NodeJS.Timeout; round: NodeJS.Timeout | null } | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  #lastRound: RoundSummary | null = null;

  /** @param context - Asked when it is needed: the context in turn asks the poller for polls. */
  constructor(context: () => GatewayContext) {
    this.#context = context;
  }

  /** True while this process is the one that polls. */
  get isLeading(): boolean {
    return this.#lease !== null;
  }

  get lastRound(): RoundSummary | null {
    return this.#lastRound;
  }

  /** Takes the lease if it is free, polls if it has it, and goes on so. */
  async start(): Promise<void> {
    const { config, logger } = this.#context();
    // Three tries per lease time: one that fails does not lose it.
    const leaseMs = config().lease_seconds * 1000;
    const lease = setInterval(() => {
      this.renew().catch((error: unknown) =>
        logger.error('the lease could not be renewed', { error: messageOf(error) }),
      );
    }, leaseMs / 3);
    this.#timers = { lease, round: null };
    await this.renew();
  }

  /** Stops after the polls that are under way, and gives the lease up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timers !== null) {
      clearInterval(this.#timers.lease);
      if (this.#timers.round !== null) clearTimeout(this.#timers.round);
    }
    await Promise.allSettled([this.#running, ...this.#early]);
    if (this.#lease !== null) await this.#context().store.leases.release(this.#lease);
    this.#lease = null;
  }

  /** Takes or renews the lease. A process that gets it starts to poll at once. */
  async renew(): Promise<void> {
    const { store, config, nowMs, logger } = this.#context();
    const owned = { name: LEASE_NAME, owner: this.#owner };
    const forMs = config().lease_seconds * 1000;
    const wasLeading = this.isLeading;
    this.#lease = await store.leases.acquire(owned, { nowMs: nowMs(), forMs });
    if (this.isLeading === wasLeading) return;
    logger.info(this.isLeading ? 'this process polls' : 'another process polls');
    if (this.isLeading && this.#timers !== null) this.#next(0);
  }

  /**
   * One round now.
   *
   * @param ids - Only these servers.
   * @returns Null if another process polls.
   */
  async round(ids?: ReadonlySet<string>, part: PollPart = 'all'): Promise<RoundSummary | null> {
    if (this.#lease === null) await this.renew();
    const lease = this.#lease;
    if (lease === null) return null;
    const context = this.#context();
    const startMs = performance.now();
    const all = await context.store.servers.list();
    const servers = all.filter(({ id }) => ids?.has(id) ?? true);
    const { poll_concurrency: limit } = context.config();
    const results = await mapLimited(servers, limit, async (server) =>
      this.#pollOne(context, { server, lease, part }),
    );
    const isWhole = ids === undefined && part === 'all';
    if (part !== 'versions') {
      for (const { serverId, tenantUsers } of results) this.#tenantUsers.set(serverId, tenantUsers);
    }
    const failing = results.flatMap((result) => result.failing ?? []);
    if (ids === undefined) await this.#judge(context, { all, failing, lease });
    if (isWhole) await this.#finishRound(context, all);
    const summary = {
      durationMs: performance.now() - startMs,
      serverCount: servers.length,
      failureCount: results.filter(({ isSuccess }) => !isSuccess).length,
      orphanCount: results.reduce((sum, { orphanCount }) => sum + orphanCount, 0),
    };
    if (isWhole) this.#lastRound = summary;
    return summary;
  }

  /** Polls a server before its turn, if this process is the one that polls. */
  pollSoon(serverId: string, why: 'unreachable' | 'ordered'): void {
    const context = this.#context();
    const nowMs = performance.now();
    if (this.#lease === null || this.#isStopped) return;
    const lastMs = this.#earlyAtMs.get(serverId) ?? -Infinity;
    if (why === 'unreachable' && nowMs - lastMs < EARLY_POLL_MIN_MS) return;
    this.#earlyAtMs.set(serverId, nowMs);
    const poll = this.round(new Set([serverId]))
      .catch((error: unknown) =>
        context.logger.error('an early poll failed', { error: messageOf(error) }),
      )
      .finally(() => this.#early.delete(poll));
    this.#early.add(poll);
  }

  async #pollOne(
    context: GatewayContext,
    {
      server,
      lease,
      part,
    }: { readonly server: ServerRow; readonly lease: Lease; readonly part: PollPart },
  ): Promise<PollResult> {
    try {
      if (part === 'versions') {
        const isSuccess = await pollVersion(context, server, lease);
        return { serverId: server.id, isSuccess, tenantUsers: new Map(), orphanCount: 0 };
      }
      const result = await pollServer(context, server, {
        lease,
        withRecords: part !== 'servers',
      });
      if (result.isSuccess && part === 'all') await pollVersion(context, server, lease);
      return result;
    } catch (error) {
      // The storage failed; the other servers may have more luck.
      context.logger.error('a poll failed', { server: server.id, error: messageOf(error) });
      return { serverId: server.id, isSuccess: false, tenantUsers: new Map(), orphanCount: 0 };
    }
  }

  /** With the guard, what a whole round says of servers that failed too often. */
  async #judge(
    context: GatewayContext,
    {
      all,
      failing,
      lease,
    }: { all: readonly ServerRow[]; failing: readonly FailingServer[]; lease: Lease },
  ): Promise<void> {
    const online = all.filter(({ is_online: isOnline }) => isOnline === 1).length;
    const counts = { online, failing: failing.length };
    const isHeld = this.#guard.holds(counts, context.config(), context.nowMs());
    if (isHeld) context.logger.error('most servers fail at once: held back', counts);
    for (const one of failing) {
      await (isHeld ? holdBack(context, one, lease) : takeOffline(context, one, lease));
    }
  }

  async #finishRound(context: GatewayContext, all: readonly ServerRow[]): Promise<void> {
    const ids = new Set(all.map(({ id }) => id));
    for (const id of this.#tenantUsers.keys()) if (!ids.has(id)) this.#tenantUsers.delete(id);
    const totals = new Map<string, number>();
    for (const users of this.#tenantUsers.values()) {
      for (const [tenant, count] of users) totals.set(tenant, (totals.get(tenant) ?? 0) + count);
    }
    await context.board.settleTenantUsers(totals);
    await context.upstream.keepOnly(ids);
    const ttlMs = context.config().meeting_ttl_seconds * 1000;
    await context.store.meetings.dropUnseenSince(context.nowMs() - ttlMs);
  }

  /** A round that took longer than the interval is followed by the next at once. */
  #next(delayMs: number): void {
    if (this.#timers === null || this.#isStopped) return;
    if (this.#timers.round !== null) clearTimeout(this.#timers.round);
    this.#timers.round = setTimeout(() => {
      const startMs = performance.now();
      this.#running = this.round()
        .catch((error: unknown) =>
          this.#context().logger.error('a round of polls failed', { error: messageOf(error) }),
        )
        .finally(() => {
          if (!this.isLeading) return;
          const { poll_interval: intervalMs } = this.#context().config();
          this.#next(Math.max(0, intervalMs - (performance.now() - startMs)));
        });
    }, delayMs);
  }
}
