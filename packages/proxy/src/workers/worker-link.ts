/**
 * One worker process, seen from the main process: orders, the answers to them, its end.
 *
 * @module
 */
import type { Server as NetServer } from 'node:net';
import type { Listener } from '../listener.ts';
import type { Answer, Order } from './protocol.ts';
import { WorkerTotals } from './totals.ts';

/** A started worker process. */
export interface WorkerProcess {
  readonly pid: number;
  /** Does nothing when the process is gone. With a socket, both processes have it then. */
  send(order: Order, socket?: NetServer): void;
  onAnswer(listener: (answer: Answer) => void): void;
  /** Calls back once. `how` is its exit code or signal. */
  onExit(listener: (how: string) => void): void;
  /** Ends it at once. */
  kill(): void;
}

/** Orders that are answered. */
type Question =
  | Omit<Extract<Order, { kind: 'prepare' }>, 'id'>
  | Omit<Extract<Order, { kind: 'report' }>, 'id'>
  | Omit<Extract<Order, { kind: 'drain' }>, 'id'>;

/** An order as it was sent, and what the worker says to it. */
export interface Asked {
  readonly id: number;
  /** `undefined` when the worker ended instead. */
  readonly answer: Promise<Answer | undefined>;
}

let nextOrderId = 0;

export class WorkerLink {
  readonly process: WorkerProcess;
  readonly totals: WorkerTotals = new WorkerTotals();
  /** Listeners of the main process that it has been sent and serves. */
  listeners: ReadonlySet<Listener> = new Set();
  readonly startedAtMs: number = performance.now();
  /** Resolves to false when the worker ended before it took orders. */
  readonly started: Promise<boolean>;
  /** Resolves to the exit code or the signal. */
  readonly ended: Promise<string>;
  private readonly waiting = new Map<number, (answer: Answer | undefined) => void>();
  private isGone = false;

  constructor(process: WorkerProcess) {
    this.process = process;
    this.ended = new Promise((resolve) => process.onExit(resolve));
    this.started = new Promise((resolve) => {
      process.onAnswer((answer) => {
        if (answer.kind === 'started') resolve(true);
        else this.settle(answer);
      });
      void this.ended.then(() => resolve(false));
    });
    process.onExit(() => this.giveUp());
  }

  get alive(): boolean {
    return !this.isGone;
  }

  send(order: Order, socket?: NetServer): void {
    if (!this.isGone) this.process.send(order, socket);
  }

  /** Sends an order that is answered. */
  ask(question: Question): Asked {
    const id = ++nextOrderId;
    if (this.isGone) return { id, answer: Promise.resolve(undefined) };
    const answer = new Promise<Answer | undefined>((resolve) => this.waiting.set(id, resolve));
    this.process.send({ ...question, id });
    return { id, answer };
  }

  private giveUp(): void {
    this.isGone = true;
    for (const resolve of this.waiting.values()) resolve(undefined);
    this.waiting.clear();
  }

  private settle(answer: Exclude<Answer, { kind: 'started' }>): void {
    this.waiting.get(answer.id)?.(answer);
    this.waiting.delete(answer.id);
  }
}
