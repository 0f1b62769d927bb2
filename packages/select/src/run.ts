/**
 * Running a function on a chosen node: counted exactly once on every path, retried elsewhere within
 * a budget, bounded in time, and stoppable by the caller.
 *
 * @module
 */
import { unref } from './clock.ts';
import { AllAttemptsFailedError, AttemptTimeoutError, checkNumber, NoNodeError } from './errors.ts';
import type { Job } from './job.ts';
import type { NodeLike } from './node.ts';
import type { Key } from './policy.ts';

/** What the function of `run` learns about its attempt. */
export interface RunContext {
  /** Aborted on time-out and when the caller aborts; hand it on to what you call. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

export type RunFunction<N extends NodeLike, T> = (node: N, context: RunContext) => T | Promise<T>;

export interface RunOptions {
  key?: Key;
  /** How many further nodes may be tried, default 0. */
  retries?: number;
  /** Is it worth trying another node after this error? Default: unless it is an `AbortError`. */
  retryOn?: (error: unknown) => boolean;
  /** For each attempt. Default: no limit. */
  timeoutMs?: number;
  /** Ends the run; the attempt counts neither as a success nor as a failure of its node. */
  signal?: AbortSignal;
}

/** What `run` needs of its balancer. */
export interface RunHost<N extends NodeLike> {
  readonly name: string;
  readonly size: number;
  next(key?: Key): N | null;
  nextExcept(key: Key | undefined, tried: ReadonlySet<N>): N | null;
  noteCall(): void;
  tryRetry(): boolean;
}

/**
 * @throws {NoNodeError} When no node may receive work.
 * @throws {AllAttemptsFailedError} With the errors of all attempts, in order.
 * @throws The caller's abort reason, or an error that `retryOn` refuses, as they are.
 */
export async function run<N extends NodeLike, T>(
  host: RunHost<N>,
  startJob: (node: N) => Job,
  fn: RunFunction<N, T>,
  options: RunOptions = {},
): Promise<T> {
  const { key, retries = 0, retryOn = isNotAbort, timeoutMs, signal } = options;
  checkNumber('run.retries', retries, { min: 0, integer: true });
  if (timeoutMs !== undefined) checkNumber('run.timeoutMs', timeoutMs, { min: 1 });
  signal?.throwIfAborted();
  host.noteCall();

  const errors: unknown[] = [];
  const tried = new Set<N>();
  for (let attempt = 1; ; attempt++) {
    const node = attempt === 1 ? host.next(key) : host.nextExcept(key, tried);
    if (node === null) break;
    tried.add(node);
    try {
      return await runAttempt(startJob(node), fn, { attempt, timeoutMs, signal });
    } catch (error) {
      if (signal?.aborted === true || !retryOn(error)) throw error;
      errors.push(error);
    }
    if (attempt > retries || !host.tryRetry()) break;
  }
  if (errors.length === 0) throw new NoNodeError(host.name, host.size);
  throw new AllAttemptsFailedError(errors);
}

async function runAttempt<N extends NodeLike, T>(
  job: Job,
  fn: RunFunction<N, T>,
  limits: {
    attempt: number;
    timeoutMs: number | undefined;
    signal: AbortSignal | undefined;
  },
): Promise<T> {
  const { attempt, timeoutMs, signal } = limits;
  const controller = new AbortController();
  let stop: (reason: unknown) => void = () => undefined;
  // Never resolves: it loses the race, or decides it by rejecting.
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = (reason) => {
      controller.abort(reason);
      reject(reason);
    };
  });
  stopped.catch(() => undefined);
  const onAbort = (): void => {
    job.cancel();
    stop(signal!.reason);
  };
  const onTimeout = (): void => {
    job.end(false);
    stop(new AttemptTimeoutError(job.node.id, timeoutMs!));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
  unref(timer);

  try {
    const answer = fn(job.node as N, { signal: controller.signal, attempt });
    const result = await Promise.race([answer, stopped]);
    job.end(true);
    return result;
  } catch (error) {
    // An abort that nobody here asked for is the function's own and says nothing about the node.
    if (isNotAbort(error)) job.end(false);
    else job.cancel();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function isNotAbort(error: unknown): boolean {
  return !(error instanceof Error && error.name === 'AbortError');
}
