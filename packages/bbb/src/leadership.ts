/**
 * Being the one process that does something: takes a lease when it is free, keeps it, and gives it up
 * at the end.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { messageOf, Turns } from '@balancer/kit';
import type { GatewayContext } from './context.ts';
import type { Lease } from './store/leases.ts';

type LeadershipContext = Pick<GatewayContext, 'store' | 'logger' | 'nowMs' | 'config'>;

export class Leadership {
  readonly #name: string;
  readonly #context: () => LeadershipContext;
  readonly #owner = randomUUID();
  /** Two at once could end in either order, and one after `stop` would take the lease again. */
  readonly #turns = new Turns();
  #lease: Lease | null = null;
  #timer: NodeJS.Timeout | null = null;
  #onChange: (isLeading: boolean) => void = () => {};

  /**
   * @param name - Of the lease: one process at a time has it.
   * @param context - Asked when it is needed.
   */
  constructor(name: string, context: () => LeadershipContext) {
    this.#name = name;
    this.#context = context;
  }

  /** The lease while this process has it. */
  get lease(): Lease | null {
    return this.#lease;
  }

  /**
   * Keeps trying.
   *
   * @param onChange - Told each time when this process comes to lead, however it came to that, and when
   * another does.
   */
  async start(onChange: (isLeading: boolean) => void): Promise<void> {
    this.#onChange = onChange;
    // Three tries per lease time: one that fails does not lose it.
    this.#timer = setInterval(() => {
      this.renew().catch((error: unknown) =>
        this.#context().logger.error('the lease could not be renewed', {
          lease: this.#name,
          error: messageOf(error),
        }),
      );
    }, this.#leaseMs() / 3);
    await this.renew();
  }

  /** Takes or renews the lease. @returns True if this process leads. */
  async renew(): Promise<boolean> {
    return this.#turns.take('lease', async () => this.#renew());
  }

  /** Gives the lease up. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#turns.take('lease', async () => {
      if (this.#lease !== null) await this.#context().store.leases.release(this.#lease);
      this.#lease = null;
    });
  }

  async #renew(): Promise<boolean> {
    const { store, nowMs } = this.#context();
    const owned = { name: this.#name, owner: this.#owner };
    const wasLeading = this.#lease !== null;
    this.#lease = await store.leases.acquire(owned, { nowMs: nowMs(), forMs: this.#leaseMs() });
    const isLeading = this.#lease !== null;
    if (isLeading !== wasLeading) this.#onChange(isLeading);
    return isLeading;
  }

  #leaseMs(): number {
    return this.#context().config().lease_seconds * 1000;
  }
}
