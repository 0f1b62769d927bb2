/**
 * A worker without a process.
 *
 * @module
 */
import type { Answer, Order } from '../../src/workers/protocol.ts';
import type { WorkerProcess } from '../../src/workers/worker-link.ts';

/** Notes its orders and answers as it is told to. */
export class ScriptedWorker implements WorkerProcess {
  static nextPid = 1;
  readonly pid = ScriptedWorker.nextPid++;
  readonly orders: Order[] = [];
  refusal: string | undefined;
  private tell: (answer: Answer) => void = () => {};
  private readonly onEnds: ((how: string) => void)[] = [];

  send(order: Order): void {
    this.orders.push(order);
    if (order.kind === 'end') this.exit('exit code 0');
    if (order.kind === 'drain') this.answer({ ...order, kind: 'drained', cut: 0, report: REPORT });
    if (order.kind === 'report') this.answer({ ...order, kind: 'reported', report: REPORT });
    if (order.kind !== 'prepare') return;
    const { id, config } = order;
    const listening = new Map(Object.keys(config.frontends).map((name) => [name, ['a:1']]));
    if (this.refusal === undefined) this.answer({ kind: 'prepared', id, listening });
    else this.answer({ kind: 'refused', id, reason: this.refusal });
  }

  onAnswer(listener: (answer: Answer) => void): void {
    this.tell = listener;
    this.answer({ kind: 'started' });
  }

  onExit(listener: (how: string) => void): void {
    this.onEnds.push(listener);
  }

  kill(): void {
    this.exit('SIGKILL');
  }

  exit(how: string): void {
    for (const onEnd of this.onEnds.splice(0)) onEnd(how);
  }

  kinds(): string {
    return this.orders.map(({ kind }) => kind).join(' ');
  }

  private answer(answer: Answer): void {
    setImmediate(() => this.tell(answer));
  }
}

const REPORT = {
  epoch: 0,
  frontends: new Map(),
  backends: new Map(),
  process: { pid: 1, open: 0, fds: 1, rssBytes: 1 },
};
