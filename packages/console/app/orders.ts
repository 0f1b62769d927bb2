/**
 * What the operator can order from the page, and what came of it.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import type { AdminState } from '@balancer/lb';
import type { AdminClient, ServerName } from './admin-client.ts';
import { formatCount, formatCounted } from '../src/format.ts';
import { type Access, NoTokenError } from './access.ts';

/** The outcome of the last order, until it is dismissed or the next one. */
export interface Notice {
  readonly kind: 'done' | 'failed';
  readonly text: string;
}

/** An order that cannot be taken back, waiting for a yes. */
export interface Confirmation {
  readonly text: string;
  readonly action: string;
  readonly answer: (isWanted: boolean) => void;
}

/** A server that is to get another weight, waiting for the figure. */
export interface WeightQuestion {
  readonly name: ServerName;
  readonly current: number;
  /** `null` leaves it as it is. */
  readonly answer: (weight: number | null) => void;
}

export interface OrdersOptions {
  readonly client: AdminClient;
  readonly access: Access;
  /** Called after each order that changed something. */
  readonly onDone: () => void;
}

/** No method rejects: the outcome is a notice. */
export class Orders {
  readonly notice: Signal<Notice | null> = signal(null);
  readonly confirmation: Signal<Confirmation | null> = signal(null);
  readonly weightQuestion: Signal<WeightQuestion | null> = signal(null);
  private readonly options: OrdersOptions;

  constructor(options: OrdersOptions) {
    this.options = options;
  }

  async setState(name: ServerName, state: AdminState): Promise<void> {
    await this.carryOut(async () => {
      const { state: now } = await this.options.client.setState(name, state);
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
      const { weight: now } = await this.options.client.setWeight(name, weight);
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
      const closing = await this.options.client.closeConnections(name);
      return `${name.server}: ${formatCount(closing)} reset`;
    });
  }

  async reload(): Promise<void> {
    await this.carryOut(async () => {
      const { outcome } = await this.options.client.reload();
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

  private confirm(text: string, action: string): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (isWanted: boolean): void => {
        this.confirmation.value = null;
        resolve(isWanted);
      };
      this.confirmation.value = { text, action, answer };
    });
  }

  private async carryOut(order: () => Promise<string>): Promise<void> {
    this.notice.value = null;
    try {
      const text = await this.options.access.run(order);
      this.notice.value = { kind: 'done', text };
    } catch (error) {
      if (error instanceof NoTokenError) return;
      const text = error instanceof Error ? error.message : String(error);
      this.notice.value = { kind: 'failed', text };
    }
    // A refused reload too is news: the document now has its error.
    this.options.onDone();
  }
}
