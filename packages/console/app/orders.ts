/**
 * What the operator can order from the page, and what came of it.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import type { AdminState } from '@balancer/lb';
import { formatCount, formatCounted } from '../src/format.ts';
import type { AdminClient, ServerName } from './admin-client.ts';
import { OrderDesk, type OrderDeskOptions } from './order-desk.ts';

/** A server that is to get another weight, waiting for the figure. */
export interface WeightQuestion {
  readonly name: ServerName;
  readonly current: number;
  /** `null` leaves it as it is. */
  readonly answer: (weight: number | null) => void;
}

export interface OrdersOptions extends OrderDeskOptions {
  readonly client: AdminClient;
}

/** No method rejects: the outcome is a notice. */
export class Orders extends OrderDesk {
  readonly weightQuestion: Signal<WeightQuestion | null> = signal(null);
  private readonly client: AdminClient;

  constructor({ client, ...desk }: OrdersOptions) {
    super(desk);
    this.client = client;
  }

  async setState(name: ServerName, state: AdminState): Promise<void> {
    await this.carryOut(async () => {
      const { state: now } = await this.client.setState(name, state);
      if (state === 'ready' && now === 'maint') {
        return `${name.server} stays in maint: the configuration file has disabled = true`;
      }
      return `${name.server} is set to ${state}`;
    });
  }

  /** Asks for the weight, and sets it. @param current - What it is, for the question. */
  async setWeight(name: ServerName, current: number): Promise<void> {
    const weight = await this.askWeight(name, current);
    if (weight === null || weight === current) return;
    await this.carryOut(async () => {
      const { weight: now } = await this.client.setWeight(name, weight);
      return `${name.server} has the weight ${formatCount(now)} until the file gives it another`;
    });
  }

  /** @param open - Connections that the operator sees, for the question. */
  async kill(name: ServerName, open: number): Promise<void> {
    const connections = formatCounted(open, 'connection');
    const isWanted = await this.confirm(
      `Reset ${connections} of ${name.server}? Its clients see a broken connection.`,
      `Reset ${connections}`,
    );
    if (!isWanted) return;
    await this.carryOut(async () => {
      const closing = await this.client.closeConnections(name);
      return `${name.server}: ${formatCount(closing)} reset`;
    });
  }

  async reload(): Promise<void> {
    await this.carryOut(async () => {
      const { outcome } = await this.client.reload();
      return outcome === 'unchanged'
        ? 'The file says what is running already'
        : 'The configuration was read again';
    });
  }

  private askWeight(name: ServerName, current: number): Promise<number | null> {
    return new Promise((resolve) => {
      const answer = (weight: number | null): void => {
        this.weightQuestion.value = null;
        resolve(weight);
      };
      this.weightQuestion.value = { name, current, answer };
    });
  }
}
