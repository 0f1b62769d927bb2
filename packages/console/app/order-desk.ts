/**
 * Orders of an operator: a yes before what cannot be taken back, and what came of it.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
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

export interface OrderDeskOptions {
  readonly access: Access;
  /** Called after each order, also a refused one: a refusal too may be news. */
  readonly onDone: () => void;
}

/** No method rejects: the outcome is a notice. */
export class OrderDesk {
  readonly notice: Signal<Notice | null> = signal(null);
  readonly confirmation: Signal<Confirmation | null> = signal(null);
  private readonly desk: OrderDeskOptions;

  constructor(desk: OrderDeskOptions) {
    this.desk = desk;
  }

  /** @returns Whether the operator agreed. */
  confirm(text: string, action: string): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (isWanted: boolean): void => {
        this.confirmation.value = null;
        resolve(isWanted);
      };
      this.confirmation.value = { text, action, answer };
    });
  }

  /** @param order - Its text is shown when it is done. @returns Whether it was done. */
  async carryOut(order: () => Promise<string>): Promise<boolean> {
    this.notice.value = null;
    let isDone = false;
    try {
      const text = await this.desk.access.run(order);
      this.notice.value = { kind: 'done', text };
      isDone = true;
    } catch (error) {
      if (error instanceof NoTokenError) return false;
      const text = error instanceof Error ? error.message : String(error);
      this.notice.value = { kind: 'failed', text };
    }
    this.desk.onDone();
    return isDone;
  }
}
