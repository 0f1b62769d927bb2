/**
 * Delivers what is in the queue, in one process at a time. What is not taken is tried again, ever more
 * rarely, for a day.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '@balancer/kit';
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import { Leadership } from '../leadership.ts';
import type { Delivery, DeliveryChange, NewDelivery } from '../store/deliveries.ts';
import { HookRelays } from './hook-relay.ts';
import { OutgoingClient } from './http.ts';
import { callOf, isUnsigned } from './sending.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Waits after the first failures; hourly after these. */
const RETRY_AFTER_MS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS];
const GIVE_UP_AFTER_MS = 24 * HOUR_MS;
/** How long what has ended can be looked at. */
const KEPT_MS = 7 * 24 * HOUR_MS;
/** Callback addresses are kept for longer than any recording takes; 60 days are promised. */
const ADDRESSES_KEPT_MS = 90 * 24 * HOUR_MS;
/** Between two looks at what other processes put into the queue. */
const LOOK_MS = 1000;
const BATCH_MAX = 100;
const TARGETS_AT_ONCE_MAX = 16;
/** Of the number with which ids begin. */
const ORDER_DIGITS = 12;

/** "Do not call again": not found, gone. */
const GONE = new Set([404, 410]);

export class Notifier {
  readonly #context: () => GatewayContext;
  readonly #leadership: Leadership;
  readonly #client = new OutgoingClient();
  readonly #relays = new HookRelays();
  #keeping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  #tidyAtMs = 0;
  #addedCount = 0;

  constructor(context: () => GatewayContext) {
    this.#context = context;
    this.#leadership = new Leadership('notifier', context);
  }

  /** Delivers for as long as this process has the lease. */
  async start(): Promise<void> {
    await this.#leadership.start((isLeading) => {
      if (isLeading) this.#next(0);
    });
  }

  /** Stops after the calls that are under way, and gives the lease up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running.catch(() => {});
    await this.#keeping;
    await this.#leadership.stop();
    await this.#client.close();
  }

  /**
   * Puts something into the queue; it is delivered soon, by whichever process does that.
   *
   * @param delivery - With an id: one that is in the queue already stays as it is.
   */
  async add(delivery: Omit<NewDelivery, 'id'> & { readonly id?: string }): Promise<void> {
    const { store, nowMs, logger } = this.#context();
    // In the order in which they are asked for, also those of one millisecond.
    const id = `${String(this.#addedCount++).padStart(ORDER_DIGITS, '0')}-${randomUUID()}`;
    const isAdded = await store.deliveries.add({ id, ...delivery }, nowMs());
    if (!isAdded) logger.error('the queue of deliveries is full', { kind: delivery.kind });
    else if (this.#leadership.lease !== null) this.#next(0);
  }

  /**
   * Delivers what is due now. Rounds do not overlap.
   *
   * @returns How many it tried, or null if another process delivers.
   */
  async round(): Promise<number | null> {
    const before = this.#running.catch(() => {});
    const round = before.then(async () => this.#round());
    this.#running = round;
    return round;
  }

  async #round(): Promise<number | null> {
    if (this.#leadership.lease === null && !(await this.#leadership.renew())) return null;
    const { store, nowMs } = this.#context();
    await this.#tidy();
    this.#keepRelays();
    const due = await store.deliveries.due(nowMs(), BATCH_MAX);
    const targets = groupByUrl(due);
    await mapLimited([...targets.values()], TARGETS_AT_ONCE_MAX, async (deliveries) =>
      this.#deliverInTurn(deliveries),
    );
    return due.length;
  }

  /**
   * Delivers to one address, one after the other, so that events arrive in their order. When nobody
   * answers the rest waits too: a round lasts one time-out, not one for every entry.
   */
  async #deliverInTurn(deliveries: readonly Delivery[]): Promise<void> {
    const { store, nowMs } = this.#context();
    for (const [i, delivery] of deliveries.entries()) {
      if (this.#isStopped) return;
      if (await this.#deliver(delivery)) continue;
      for (const waiting of deliveries.slice(i + 1)) {
        const { state, attempts, last_error } = waiting;
        const nextAtMs = nowMs() + RETRY_AFTER_MS[0]!;
        const change = { state, attempts, last_error, next_at_ms: nextAtMs };
        await store.deliveries.update(waiting, change);
      }
      return;
    }
  }

  /** @returns False if nobody answered. */
  async #deliver(delivery: Delivery): Promise<boolean> {
    const { store, logger, nowMs } = this.#context();
    const outcome = await this.#try(delivery);
    const change = changeAfter(delivery, outcome, nowMs());
    await store.deliveries.update(delivery, change);
    const { id, kind } = delivery;
    const fields = { delivery: id, kind, outcome: change.state, reason: change.last_error };
    if (change.state === 'delivered') logger.info('delivered', { delivery: id, kind });
    else logger.warn('not delivered', fields);
    return outcome.kind !== 'unanswered';
  }

  /** With each secret in turn until one is taken. */
  async #try(delivery: Delivery): Promise<Outcome> {
    const { config, nowMs } = this.#context();
    const denyPrivate = config().callback_deny_private;
    const secrets = isUnsigned(delivery) ? [''] : await this.#secretsOf(delivery);
    let outcome: Outcome = { kind: 'failed', reason: 'there is no secret to sign with' };
    for (const secret of secrets) {
      const call = await callOf(delivery, { secret, config: config(), nowMs: nowMs() });
      const result = await this.#client.call(call, { denyPrivate });
      if (result.kind === 'failed') {
        outcome = { kind: 'unanswered', reason: result.reason };
        continue;
      }
      const { status } = result;
      if (status >= 200 && status < 300) return { kind: 'delivered' };
      if (GONE.has(status)) return { kind: 'gone', reason: `HTTP ${status}` };
      outcome = { kind: 'failed', reason: `HTTP ${status}` };
    }
    return outcome;
  }

  async #secretsOf({ tenant_id: tenantId }: Delivery): Promise<readonly string[]> {
    const { config, directory } = this.#context();
    if (tenantId === '') return config().secrets.map((secret) => secret.reveal());
    return (await directory.tenants()).get(tenantId)?.secrets ?? [];
  }

  /** Beside the deliveries: servers that hang must not hold these up. */
  #keepRelays(): void {
    const context = this.#context();
    this.#keeping ??= this.#relays
      .keep(context)
      .catch((error: unknown) =>
        context.logger.error('hooks could not be kept', { error: messageOf(error) }),
      )
      .finally(() => (this.#keeping = null));
  }

  async #tidy(): Promise<void> {
    const { store, nowMs } = this.#context();
    if (nowMs() < this.#tidyAtMs) return;
    this.#tidyAtMs = nowMs() + HOUR_MS;
    await store.deliveries.dropEnded(nowMs() - KEPT_MS);
    await store.callbacks.dropOlderThan(nowMs() - ADDRESSES_KEPT_MS);
  }

  /** Never rejects. */
  async #turn(): Promise<void> {
    let delayMs = LOOK_MS;
    try {
      if ((await this.round()) === BATCH_MAX) delayMs = 0;
    } catch (error) {
      this.#context().logger.error('deliveries failed', { error: messageOf(error) });
    }
    if (this.#leadership.lease !== null) this.#next(delayMs);
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#turn();
    }, delayMs);
  }
}

type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'gone' | 'failed' | 'unanswered'; readonly reason: string };

/** What becomes of an entry after a try. */
function changeAfter(delivery: Delivery, outcome: Outcome, nowMs: number): DeliveryChange {
  const attempts = delivery.attempts + 1;
  const ended = { attempts, next_at_ms: nowMs };
  if (outcome.kind === 'delivered') return { ...ended, state: 'delivered', last_error: '' };
  if (outcome.kind === 'gone') return { ...ended, state: 'gone', last_error: outcome.reason };
  const nextAtMs = nowMs + (RETRY_AFTER_MS[delivery.attempts] ?? HOUR_MS);
  if (nextAtMs - delivery.created_at_ms > GIVE_UP_AFTER_MS) {
    return { ...ended, state: 'failed', last_error: outcome.reason };
  }
  return { attempts, state: 'pending', next_at_ms: nextAtMs, last_error: outcome.reason };
}

function groupByUrl(deliveries: readonly Delivery[]): Map<string, Delivery[]> {
  const groups = new Map<string, Delivery[]>();
  for (const delivery of deliveries) {
    const group = groups.get(delivery.url);
    if (group === undefined) groups.set(delivery.url, [delivery]);
    else group.push(delivery);
  }
  return groups;
}
