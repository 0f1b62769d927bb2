import { AllAttemptsFailedError, NoNodeError, policies } from '@balancer/select';
import {
  WorkerPool,
  WorkerStoppedError,
  type PoolTimers,
  type WorkerPoolOptions,
} from '@balancer/select/workers';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { bundle } from './bundle.ts';
import { countsOfAll, eventually, SLOW } from './support.ts';
import type { Task } from './task-worker.ts';

const FILE = await bundle(new URL('./task-worker.ts', import.meta.url));
const PROGRAM = await bundle(new URL('./short-process.ts', import.meta.url));

class TestPool extends WorkerPool {
  /** `run` with the tasks that the worker of these tests knows. */
  do<R = unknown>(task: Task, ...rest: [transferList?: never[], options?: object]): Promise<R> {
    return this.run<R>(task, ...rest);
  }
}

function poolOf(options: WorkerPoolOptions = {}, file: URL = FILE): TestPool {
  const pool = new TestPool(file, { size: 1, ...options });
  onTestFinished(() => pool.destroy());
  return pool;
}

/** Timers that are run by the test, in place of waiting. */
class ManualTimers implements PoolTimers {
  readonly delaysMs: number[] = [];
  #due: (() => void) | undefined;

  setTimeout(callback: () => void, delayMs: number): unknown {
    this.delaysMs.push(delayMs);
    this.#due = callback;
    return callback;
  }

  clearTimeout(timer: unknown): void {
    if (timer === this.#due) this.#due = undefined;
  }

  get isPending(): boolean {
    return this.#due !== undefined;
  }

  run(): void {
    this.#due!();
    this.#due = undefined;
  }
}

function shared(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

describe('WorkerPool', SLOW, () => {
  test('runs tasks on several threads, the least busy first', async () => {
    const pool = poolOf({ size: 2 });
    const gate = shared();
    const blocked = pool.do({ do: 'block', gate });
    const free = await pool.do({ do: 'threadId' });
    for (let i = 0; i < 2; i++) expect(await pool.do({ do: 'threadId' })).toBe(free);
    expect(countsOfAll(pool.balancer)).toEqual([1, 3, 0]);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    expect(await blocked).toBe('unblocked');
    expect(countsOfAll(pool.balancer)).toEqual([0, 4, 0]);
  });

  test('hands over what the handler throws, with message, stack, cause and code', async () => {
    const pool = poolOf();
    const error = await pool.do({ do: 'throwRangeError' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: '17 is too much', code: 'TOO_MUCH', limit: 16 });
    expect((error as Error).stack).toContain('task-worker');
    expect((error as Error).cause).toMatchObject({ message: 'it is a prime number' });
    expect(error).not.toHaveProperty('unsent');
    expect(countsOfAll(pool.balancer)).toEqual([0, 0, 1]);
  });

  test('hands over thrown values that are no errors', async () => {
    const pool = poolOf();
    await expect(pool.do({ do: 'throwValue', value: { a: 1 } })).rejects.toEqual({ a: 1 });
    await expect(pool.do({ do: 'throwValue', value: undefined })).rejects.toBeUndefined();
    await expect(pool.do({ do: 'throwFunction' })).rejects.toMatch('not cloneable');
  });

  test('rejects when a task or its result cannot be cloned', async () => {
    const pool = poolOf();
    await expect(pool.run(() => undefined)).rejects.toMatchObject({ name: 'DataCloneError' });
    expect(countsOfAll(pool.balancer)).toEqual([0, 0, 0]);
    await expect(pool.do({ do: 'returnFunction' })).rejects.toMatchObject({
      name: 'DataCloneError',
    });
    expect(await pool.do({ do: 'double', value: 2 })).toBe(4);
  });

  test('moves buffers to the worker and back', async () => {
    const pool = poolOf();
    const buffer = new ArrayBuffer(4);
    const task: Task = { do: 'fill', buffer, value: 7 };
    const filled = await pool.run<ArrayBuffer>(task, [buffer]);
    expect(buffer.byteLength).toBe(0);
    expect([...new Uint8Array(filled)]).toEqual([7, 7, 7, 7]);
  });

  test('rejects the jobs of a worker that exits', async () => {
    const pool = poolOf({ timers: new ManualTimers() });
    const health = vi.fn<(...args: unknown[]) => void>();
    pool.balancer.on('health', health);
    const queued = pool.do({ do: 'exit', code: 3 });
    const alsoQueued = pool.do({ do: 'double', value: 1 });
    await expect(queued).rejects.toThrow(
      'worker-0 stopped with exit code 3 before it had answered',
    );
    await expect(alsoQueued).rejects.toBeInstanceOf(WorkerStoppedError);
    expect(health).toHaveBeenCalledExactlyOnceWith(
      pool.balancer.nodes[0],
      false,
      'the worker stopped with exit code 3',
    );
    expect(countsOfAll(pool.balancer)).toEqual([0, 0, 2]);
    await expect(pool.do({ do: 'double', value: 1 })).rejects.toBeInstanceOf(NoNodeError);
  });

  test('rejects the jobs of a worker that crashes, with the error as their cause', async () => {
    const pool = poolOf({ timers: new ManualTimers() });
    const error = await pool.do({ do: 'crash', message: 'boom' }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      message: 'worker-0 failed with "boom" before it had answered',
      cause: { message: 'boom' },
      code: 'WORKER_STOPPED',
    });
  });

  test('keeps the answers that a worker sent before it crashed', async () => {
    const timers = new ManualTimers();
    const pool = poolOf({ timers });
    expect(await pool.do({ do: 'answerAndCrash', value: 5 })).toBe(5);
    await eventually(() => expect(timers.isPending).toBe(true));
    expect(countsOfAll(pool.balancer)).toEqual([0, 1, 0]);
  });

  test('replaces a worker after 100 ms, doubling to 10 s until one has answered', async () => {
    const timers = new ManualTimers();
    const pool = poolOf({ timers });
    const becameHealthy = (): Promise<void> =>
      eventually(() => expect(pool.balancer.nodes[0]!.healthy).toBe(true));
    for (let i = 0; i < 9; i++) {
      await expect(pool.do({ do: 'exit', code: 1 })).rejects.toBeInstanceOf(WorkerStoppedError);
      timers.run();
      await becameHealthy();
    }
    expect(timers.delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(await pool.do({ do: 'double', value: 4 })).toBe(8);
    await expect(pool.do({ do: 'exit', code: 1 })).rejects.toBeInstanceOf(WorkerStoppedError);
    expect(timers.delaysMs.at(-1)).toBe(100);
  });

  test('gives a worker that cannot start no work, and says why', async () => {
    const timers = new ManualTimers();
    const broken = new URL('data:text/javascript,throw new Error("broken file")');
    const pool = poolOf({ timers }, broken);
    await expect(pool.run(1)).rejects.toThrow('failed with "broken file"');
    timers.run();
    await eventually(() => expect(timers.isPending).toBe(true));
    await expect(pool.run(1)).rejects.toBeInstanceOf(NoNodeError);
    expect(timers.delaysMs).toEqual([100, 200]);
  });

  test('loses no job when one of two workers dies with jobs waiting, with retries: 1', async () => {
    const pool = poolOf({ size: 2, retries: 1, policy: policies.roundRobin() });
    const flag = shared();
    const values = Array.from({ length: 50 }, (_each, value) => value);
    const results = await Promise.all(
      values.map((value) => pool.do({ do: 'doubleOrDie', value, flag })),
    );
    expect(results).toEqual(values.map((value) => value * 2));
    const [load, successes, failures] = countsOfAll(pool.balancer);
    expect([load, successes]).toEqual([0, 50]);
    expect(failures).toBeGreaterThan(0);
  });

  test('does not try a task again that has moved a buffer', async () => {
    const pool = poolOf({ size: 2, retries: 1, timers: new ManualTimers() });
    const buffer = new ArrayBuffer(4);
    const task = { do: 'doubleOrDie', value: 1, flag: shared(), buffer };
    await expect(pool.run(task, [buffer])).rejects.toBeInstanceOf(WorkerStoppedError);
  });

  test('rejects with all errors when the retries are used up', async () => {
    const pool = poolOf({ size: 2, retries: 5, timers: new ManualTimers() });
    const error = await pool.do({ do: 'exit', code: 1 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AllAttemptsFailedError);
    expect((error as AllAttemptsFailedError).errors).toHaveLength(2);
  });

  test('rejects an aborted call at once and counts its load until the worker answers', async () => {
    const pool = poolOf();
    const gate = shared();
    const controller = new AbortController();
    const { signal } = controller;
    const call = pool.do({ do: 'block', gate }, [], { signal });
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(countsOfAll(pool.balancer)).toEqual([1, 0, 0]);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await eventually(() => expect(countsOfAll(pool.balancer)).toEqual([0, 0, 0]));
    await expect(pool.do({ do: 'threadId' }, [], { signal })).rejects.toThrow('enough');
  });

  test('tells the handler that its caller has aborted', async () => {
    const pool = poolOf();
    const controller = new AbortController();
    const started = shared();
    const call = pool.do({ do: 'untilAborted', started }, [], { signal: controller.signal });
    await eventually(() => expect(started[0]).toBe(1));
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await eventually(() => expect(countsOfAll(pool.balancer)).toEqual([0, 0, 0]));
  });

  test('closes after its tasks, and takes no more', async () => {
    const pool = poolOf({ size: 2 });
    const results = [1, 2, 3].map((value) => pool.do({ do: 'double', value }));
    const closed = pool.close();
    await expect(pool.do({ do: 'threadId' })).rejects.toThrow('the worker pool was closed');
    await closed;
    expect(await Promise.all(results)).toEqual([2, 4, 6]);
  });

  test('destroys workers at once, and rejects their tasks blaming none', async () => {
    const pool = poolOf({ size: 2 });
    const call = pool.do({ do: 'block', gate: shared() });
    const [outcome] = await Promise.allSettled([call, pool.destroy()]);
    expect(outcome).toMatchObject({ reason: { message: 'the worker pool was destroyed' } });
    expect(countsOfAll(pool.balancer)).toEqual([0, 0, 0]);
  });

  test('does not replace workers once closed', async () => {
    const timers = new ManualTimers();
    const pool = poolOf({ timers });
    await expect(pool.do({ do: 'exit', code: 1 })).rejects.toBeInstanceOf(WorkerStoppedError);
    expect(timers.isPending).toBe(true);
    await pool.close();
    expect(timers.isPending).toBe(false);
  });

  test('keeps a process alive while it has jobs, and no longer', async () => {
    const child = spawn(process.execPath, [fileURLToPath(PROGRAM), FILE.href], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill());
    const [printed, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect([printed, exitCode]).toEqual(['42\n', 0]);
  });

  test('refuses options out of range', async () => {
    expect(() => poolOf({ size: 0 })).toThrow('workerPool.size: must be an integer of at least 1');
    expect(() => poolOf({ retries: -1 })).toThrow('workerPool.retries');
    const pool = poolOf();
    await expect(pool.do({ do: 'threadId' }, [], { retries: 0.5 })).rejects.toThrow('run.retries');
  });
});

describe('serve', SLOW, () => {
  test('refuses to run outside of a worker thread', async () => {
    const child = spawn(process.execPath, [fileURLToPath(FILE)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill());
    expect(await text(child.stderr)).toContain('serve: must be called in a worker thread');
  });
});
