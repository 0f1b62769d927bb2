/**
 * Polls all servers in rounds, in one process at a time: the one with the lease.
 *
 * @module
 */
import { messageOf, Turns } from '@balancer/kit';
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import { Leadership } from '../leadership.ts';
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

export class Poller {
  readonly #context: () => GatewayContext;
  readonly #leadership: Leadership;
  readonly #earlyAtMs = new Map<string, number>();
  readonly #tenantUsers = new Map<string, ReadonlyMap<string, number>>();
  readonly #guard = new MassFailureGuard();
  readonly #early = new Set<Promise<unknown>>();
  /** By server: an answer that came late must not undo what a later one said. */
  readonly #turns = new Turns();
  #timer: NodeJS.Timeout | null = null;
  #isStarted = false;
  #running: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  #lastRound: RoundSummary | null = null;

  /** @param context - Asked when it is needed: the context in turn asks the poller for polls. */
  constructor(context: () => GatewayContext) {
    this.#context = context;
    this.#leadership = new Leadership('poller', context);
  }

  /** True while this process is the one that polls. */
  get isLeading(): boolean {
    return this.#leadership.lease !== null;
  }

  get lastRound(): RoundSummary | null {
    return this.#lastRound;
  }

  /** Polls for as long as this process has the lease, from the moment that it gets it. */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.#leadership.start((isLeading) => {
      const { logger } = this.#context();
      logger.info(isLeading ? 'this process polls' : 'another process polls');
      if (isLeading) this.#next(0);
    });
  }

  /** Stops after the polls that are under way, and gives the lease up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.allSettled([this.#running, ...this.#early]);
    await this.#leadership.stop();
  }

  /** Takes or renews the lease. @returns True if this process polls. */
  async renew(): Promise<boolean> {
    return this.#leadership.renew();
  }

  /**
   * One round now.
   *
   * @param ids - Only these servers.
   * @returns Null if another process polls.
   */
  async round(ids?: ReadonlySet<string>, part: PollPart = 'all'): Promise<RoundSummary | null> {
    if (!this.isLeading) await this.renew();
    const { lease } = this.#leadership;
    if (lease === null) return null;
    const context = this.#context();
    const startMs = performance.now();
    const isWhole = ids === undefined && part === 'all';
    if (isWhole) await context.board.openTenantWindow();
    const all = await context.store.servers.list();
    const servers = all.filter(({ id }) => ids?.has(id) ?? true);
    const { poll_concurrency: limit } = context.config();
    const results = await mapLimited(servers, limit, async ({ id }) =>
      this.#turns.take(id, async () => this.#pollOne(context, { id, lease, part })),
    );
    if (part !== 'versions') {
      for (const { serverId, isSuccess, tenantUsers } of results) {
        if (isSuccess) this.#tenantUsers.set(serverId, tenantUsers);
      }
    }
    const failing = results.flatMap((result) => result.failing ?? []);
    if (ids === undefined) await this.#judge(context, { all, failing, lease });
    if (isWhole) await this.#finishRound(context);
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
    if (!this.isLeading || this.#isStopped) return;
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
    { id, lease, part }: { readonly id: string; readonly lease: Lease; readonly part: PollPart },
  ): Promise<PollResult> {
    const nothing = { serverId: id, isSuccess: false, tenantUsers: new Map(), orphanCount: 0 };
    try {
      const server = await context.store.servers.find(id);
      if (server === undefined) return nothing;
      if (part === 'versions') {
        return { ...nothing, isSuccess: await pollVersion(context, server, lease) };
      }
      const result = await pollServer(context, server, {
        lease,
        withRecords: part !== 'servers',
      });
      if (result.isSuccess && part === 'all') await pollVersion(context, server, lease);
      return result;
    } catch (error) {
      // The storage failed; the other servers may have more luck.
      context.logger.error('a poll failed', { server: id, error: messageOf(error) });
      return nothing;
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

  async #finishRound(context: GatewayContext): Promise<void> {
    // As they are now: some were added, removed or taken out while others were asked.
    const servers = new Map((await context.store.servers.list()).map((row) => [row.id, row]));
    for (const id of this.#tenantUsers.keys()) {
      if (servers.get(id)?.is_online !== 1) this.#tenantUsers.delete(id);
    }
    const totals = new Map<string, number>();
    for (const users of this.#tenantUsers.values()) {
      for (const [tenant, count] of users) totals.set(tenant, (totals.get(tenant) ?? 0) + count);
    }
    await context.board.settleTenantUsers(totals);
    context.upstream.keepOnly(servers);
    const ttlMs = context.config().meeting_ttl_seconds * 1000;
    await context.store.meetings.dropUnseenSince(context.nowMs() - ttlMs);
  }

  /** A round that took longer than the interval is followed by the next at once. */
  #next(delayMs: number): void {
    if (!this.#isStarted || this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const startMs = performance.now();
      this.#running = this.#running
        .then(async () => this.round())
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
