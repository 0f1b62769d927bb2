/**
 * The worker's side of a worker pool: a function that takes tasks.
 *
 * @module
 */
import { parentPort, type MessagePort, type Worker } from 'node:worker_threads';
import { ConfigError } from '../errors.ts';
import { packError, type FromWorker, type ToWorker } from './worker-protocol.ts';

/** Objects that move to another thread instead of being copied, such as array buffers. */
export type TransferList = NonNullable<Parameters<Worker['postMessage']>[1]>;

export interface TaskContext {
  /** Aborted when the caller of `run` aborts. The answer is dropped then. */
  readonly signal: AbortSignal;
}

export type TaskHandler<T = unknown> = (task: T, context: TaskContext) => unknown;

/** A result with what is to be moved with it. */
class Transferred {
  readonly value: unknown;
  readonly transferList: TransferList;

  constructor(value: unknown, transferList: TransferList) {
    this.value = value;
    this.transferList = transferList;
  }
}

/** What a handler returns to have `transferList` moved to the caller instead of copied. */
export function transfer(value: unknown, transferList: TransferList): unknown {
  return new Transferred(value, transferList);
}

/**
 * Takes the tasks of the pool that started this worker. Tasks are started in the order of their
 * arrival; one that waits does not hold up the next.
 *
 * @param handler - Returns the result, a promise of it, or either in `transfer()`. What it throws reaches
 *   the caller of `run`.
 * @throws {ConfigError} Outside of a worker thread.
 */
export function serve<T = unknown>(handler: TaskHandler<T>): void {
  if (parentPort === null) {
    throw new ConfigError('serve', 'must be called in a worker thread, which a WorkerPool starts');
  }
  const port = parentPort;
  const running = new Map<number, AbortController>();
  port.on('message', (message: ToWorker | undefined) => {
    if (message?.balancer === 'task') {
      void perform(port, handler as TaskHandler, { ...message, running });
    } else if (message?.balancer === 'abort') {
      running.get(message.id)?.abort();
    }
  });
  post(port, { balancer: 'ready' });
}

async function perform(
  port: MessagePort,
  handler: TaskHandler,
  { id, task, running }: { id: number; task: unknown; running: Map<number, AbortController> },
): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const result = await handler(task, { signal: controller.signal });
    const { value, transferList } =
      result instanceof Transferred ? result : new Transferred(result, []);
    post(port, { balancer: 'result', id, value }, transferList);
  } catch (error) {
    // Also an error of cloning the result.
    postError(port, id, error);
  } finally {
    running.delete(id);
  }
}

function postError(port: MessagePort, id: number, error: unknown): void {
  try {
    post(port, { balancer: 'error', id, thrown: packError(error) });
  } catch {
    // What was thrown is no error and cannot be cloned; its text can.
    post(port, { balancer: 'error', id, thrown: { isError: false, value: String(error) } });
  }
}

function post(port: MessagePort, message: FromWorker, transferList: TransferList = []): void {
  port.postMessage(message, transferList);
}
