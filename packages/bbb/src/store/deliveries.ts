/**
 * The queue of what is owed to those who asked to be called. An entry is in it before anything is
 * sent, so that it survives restarts; it is sent at least once.
 *
 * @module
 */
import type { Database, DeliveryState, DeliveryTable } from './schema.ts';

export type Delivery = Readonly<DeliveryTable>;

/** What is to be sent. */
export type NewDelivery = Pick<
  Delivery,
  'id' | 'kind' | 'tenant_id' | 'method' | 'url' | 'payload'
>;

/** How a try went. */
export type DeliveryChange = Pick<Delivery, 'state' | 'attempts' | 'next_at_ms' | 'last_error'>;

/** Entries that wait at most: those that come when it is full are refused. */
const PENDING_MAX = 100_000;

export class DeliveryStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Adds an entry that is due now. One with the same id is left as it is.
   *
   * @returns False if too many wait already.
   */
  async add(delivery: NewDelivery, nowMs: number): Promise<boolean> {
    if (((await this.countByState()).get('pending') ?? 0) >= PENDING_MAX) return false;
    await this.#db
      .insertInto('gw_deliveries')
      .values({
        ...delivery,
        state: 'pending',
        attempts: 0,
        created_at_ms: nowMs,
        next_at_ms: nowMs,
        last_error: '',
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
    return true;
  }

  /** What is due, the longest waiting first. */
  async due(nowMs: number, limit: number): Promise<Delivery[]> {
    return this.#db
      .selectFrom('gw_deliveries')
      .selectAll()
      .where('state', '=', 'pending')
      .where('next_at_ms', '<=', nowMs)
      .orderBy('next_at_ms')
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  /** Notes how a try went, unless the entry was tried by somebody else, or ordered anew, meanwhile. */
  async update(tried: Delivery, change: DeliveryChange): Promise<void> {
    await this.#db
      .updateTable('gw_deliveries')
      .set(change)
      .where('id', '=', tried.id)
      .where('state', '=', tried.state)
      .where('attempts', '=', tried.attempts)
      .where('next_at_ms', '=', tried.next_at_ms)
      .execute();
  }

  /** Makes an entry due now, whatever became of it. @returns False if there is none. */
  async retry(id: string, nowMs: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('gw_deliveries')
      .set({ state: 'pending', attempts: 0, created_at_ms: nowMs, next_at_ms: nowMs })
      .where('id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Entries, newest first. */
  async list(state: DeliveryState | undefined, limit: number): Promise<Delivery[]> {
    const all = this.#db
      .selectFrom('gw_deliveries')
      .selectAll()
      .orderBy('created_at_ms', 'desc')
      .orderBy('id')
      .limit(limit);
    return (state === undefined ? all : all.where('state', '=', state)).execute();
  }

  /** Number of entries by state. */
  async countByState(): Promise<ReadonlyMap<DeliveryState, number>> {
    const rows = await this.#db
      .selectFrom('gw_deliveries')
      .select((select) => ['state', select.fn.countAll<number>().as('count')])
      .groupBy('state')
      .execute();
    return new Map(rows.map(({ state, count }) => [state, count]));
  }

  /** Forgets entries that ended before a time. */
  async dropEnded(beforeMs: number): Promise<void> {
    await this.#db
      .deleteFrom('gw_deliveries')
      .where('state', '<>', 'pending')
      .where('next_at_ms', '<', beforeMs)
      .execute();
  }
}
