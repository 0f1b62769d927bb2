/** The worker of the tests of `WorkerPool`: does as its tasks say. */
import { setImmediate } from 'node:timers';
import { threadId } from 'node:worker_threads';
import { serve, transfer } from '../../src/adapters/workers.ts';

export type Task =
  | { do: 'double'; value: number }
  | { do: 'threadId' }
  | { do: 'exit'; code: number }
  | { do: 'crash'; message: string }
  /** Answers, and stops at once. */
  | { do: 'answerAndCrash'; value: number }
  | { do: 'throwRangeError' }
  | { do: 'throwValue'; value: unknown }
  | { do: 'throwFunction' }
  | { do: 'returnFunction' }
  /** Answers when the first element of `gate` is no longer 0; the thread can do nothing else. */
  | { do: 'block'; gate: Int32Array }
  | { do: 'untilAborted'; started: Int32Array }
  | { do: 'fill'; buffer: ArrayBuffer; value: number }
  /** Doubles, but the first worker to see `flag` at 0 exits instead. */
  | { do: 'doubleOrDie'; value: number; flag: Int32Array };

serve<Task>((task, { signal }) => {
  switch (task.do) {
    case 'double':
      return task.value * 2;
    case 'threadId':
      return threadId;
    case 'exit':
      return process.exit(task.code);
    case 'crash':
      setImmediate(() => {
        throw new Error(task.message);
      });
      return new Promise(() => undefined);
    case 'answerAndCrash':
      setImmediate(() => {
        throw new Error('after the answer');
      });
      return task.value;
    case 'throwRangeError':
      throw Object.assign(
        new RangeError('17 is too much', { cause: new Error('it is a prime number') }),
        { code: 'TOO_MUCH', limit: 16, unsent: () => undefined },
      );
    case 'throwValue':
      throw task.value;
    case 'throwFunction':
      throw () => 'not cloneable';
    case 'returnFunction':
      return () => 'not cloneable';
    case 'block':
      Atomics.wait(task.gate, 0, 0);
      return 'unblocked';
    case 'untilAborted':
      Atomics.store(task.started, 0, 1);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve('too late'), { once: true });
      });
    case 'fill': {
      new Uint8Array(task.buffer).fill(task.value);
      return transfer(task.buffer, [task.buffer]);
    }
    case 'doubleOrDie':
      if (Atomics.compareExchange(task.flag, 0, 0, 1) === 0) process.exit(9);
      return task.value * 2;
    default:
      throw new TypeError('there is no such task');
  }
});
