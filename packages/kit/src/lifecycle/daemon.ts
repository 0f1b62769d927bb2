/**
 * The life of a daemon: ordered start, signals, drain, ordered stop, exit code. Nothing here ends the
 * process: `run` returns the code, and the composition root exits with it.
 *
 * @module
 */
import { type Clock, systemClock } from '../clock.ts';
import { ConfigFileError } from '../config/problem.ts';
import type { Logger } from '../log/log.ts';
import type { Notifier } from './notify.ts';

/** Exit codes of every Balancer daemon. */
export const EXIT = {
  /** Clean stop. */
  ok: 0,
  /** Failed at run time, such as a listen address in use. */
  failed: 1,
  /** Bad usage or configuration. */
  usage: 2,
  /** Stopped, but work had to be cut: the drain deadline passed, or a second signal came. */
  cut: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something that starts and stops with the daemon. */
export interface DaemonPart {
  readonly name: string;
  /** Rejects when it cannot start, having released what it took. */
  start(): Promise<void>;
  /**
   * Stops taking new work and resolves when the work at hand is done. When `cut` aborts it ends
   * what is left and resolves at once. All parts drain at the same time.
   */
  drain?(cut: AbortSignal): Promise<void>;
  /** Releases everything. Called once on each part that started, in reverse order of start. */
  stop(): Promise<void>;
}

export type DaemonSignal = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

/** Where signals come from: `process`, or a test's emitter. */
export interface SignalSource {
  on(signal: DaemonSignal, listener: () => void): unknown;
  off(signal: DaemonSignal, listener: () => void): unknown;
}

export type DaemonPhase = 'idle' | 'starting' | 'running' | 'draining' | 'stopping' | 'stopped';

export interface DaemonOptions {
  /** Started in this order, stopped in reverse. */
  readonly parts: readonly DaemonPart[];
  readonly logger: Logger;
  /** Time to drain in milliseconds; a function is asked when the drain starts. Infinity: no limit. */
  readonly shutdownTimeoutMs: number | (() => number);
  /** Fields of the log line `ready`, such as the bound addresses. */
  readonly readyFields?: () => Readonly<Record<string, unknown>>;
  /** SIGHUP. */
  readonly onReload?: () => Promise<unknown>;
  /** SIGUSR1. The signal is caught even without it, or it would open the debugger's port. */
  readonly onReopenLogs?: () => void;
  /** SIGUSR2. */
  readonly onHandOver?: () => Promise<unknown>;
  readonly onPhase?: (phase: DaemonPhase) => void;
  /** Default: `process`. */
  readonly signals?: SignalSource;
  readonly notifier?: Notifier;
  readonly clock?: Clock;
}

/** Longest wait for a part that was told to cut or to stop. */
const STOP_MAX_MS = 5000;
/** Longest delay of a timer; a longer shutdown time-out is no limit. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Why the daemon ends. */
type Ending =
  | { readonly how: 'drain'; readonly reason: string; readonly hasSuccessor: boolean }
  | { readonly how: 'at-once'; readonly reason: string }
  | { readonly how: 'failure'; readonly reason: string; readonly error: unknown };

/** Runs once. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #started: DaemonPart[] = [];
  readonly #cut = new AbortController();
  readonly #ended = withResolvers<Ending>();
  #ending: Ending | null = null;
  #isRetiring = false;
  #phase: DaemonPhase = 'idle';

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get phase(): DaemonPhase {
    return this.#phase;
  }

  /** Starts, runs until told to stop, stops. Never rejects: errors are logged and give code 1 or 2. */
  async run(): Promise<ExitCode> {
    const removeHandlers = this.#handleSignals();
    // Nothing else may hold the process while it drains, and it must not end before its parts.
    const keepAlive = setInterval(() => {}, TIMER_MAX_MS);
    try {
      this.#enter('starting');
      const startCode = await this.#start();
      const code = startCode ?? (await this.#runUntilEnd());
      this.#enter('stopped');
      return code;
    } finally {
      clearInterval(keepAlive);
      removeHandlers();
    }
  }

  /** Drains and stops, as SIGTERM does; a second call cuts. */
  stop(reason: string): void {
    if (this.#ending === null) this.#end({ how: 'drain', reason, hasSuccessor: false });
    else if (this.#isRetiring) this.#isRetiring = false;
    else this.#cutNow(reason);
  }

  /**
   * Drains and stops as `stop` does, because another process does the work from here on. The service
   * manager is not told: the service goes on. The first `stop` after it cuts nothing, since it may be
   * the signal that a manager sends to old and new alike.
   */
  retire(reason: string): void {
    if (this.#ending !== null) return;
    this.#isRetiring = true;
    this.#end({ how: 'drain', reason, hasSuccessor: true });
  }

  /** Stops at once with exit code 1, because `error` leaves nothing to run for. */
  fail(error: unknown): void {
    this.#end({ how: 'failure', reason: 'failure', error });
    this.#cut.abort();
  }

  /** Starts all parts or none; null when all run. */
  async #start(): Promise<ExitCode | null> {
    for (const part of this.#options.parts) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the order is the point
        await part.start();
      } catch (error) {
        this.#options.logger.fatal('start failed', { part: part.name, error });
        // oxlint-disable-next-line no-await-in-loop -- the loop ends here
        await this.#stopParts();
        return error instanceof ConfigFileError ? EXIT.usage : EXIT.failed;
      }
      this.#started.push(part);
      if (this.#ending !== null) break;
    }
    return null;
  }

  async #runUntilEnd(): Promise<ExitCode> {
    const { logger, notifier, readyFields } = this.#options;
    if (this.#ending === null) {
      notifier?.ready();
      this.#enter('running');
      logger.info('ready', { ...readyFields?.() });
    }
    const ending = await this.#ended.promise;
    if (ending.how === 'failure') logger.fatal('failed', { error: ending.error });
    else logger.info('stopping', { reason: ending.reason });
    if (ending.how !== 'drain' || !ending.hasSuccessor) notifier?.stopping();
    const code = ending.how === 'drain' ? await this.#drain() : this.#codeOf(ending);
    await this.#stopParts();
    await notifier?.settled();
    const finalCode = this.#ending?.how === 'failure' ? EXIT.failed : code;
    logger.info('stopped', { code: finalCode });
    return finalCode;
  }

  #codeOf(ending: Ending): ExitCode {
    return ending.how === 'failure' ? EXIT.failed : EXIT.ok;
  }

  async #drain(): Promise<ExitCode> {
    this.#enter('draining');
    const { logger, shutdownTimeoutMs: given } = this.#options;
    const timeoutMs = typeof given === 'function' ? given() : given;
    const hasLimit = timeoutMs <= TIMER_MAX_MS;
    const cancel = hasLimit
      ? this.#clock.after(timeoutMs, () => this.#cutNow(`drain deadline of ${timeoutMs} ms`))
      : () => {};
    let hasFailed = false;
    const drains = this.#started.map(async (part) => {
      try {
        await part.drain?.(this.#cut.signal);
      } catch (error) {
        hasFailed = true;
        logger.error('drain failed', { part: part.name, error });
      }
    });
    const drained = Promise.all(drains).then(() => true);
    const wasDrained = await Promise.race([drained, this.#aborted().then(() => false)]);
    cancel();
    if (wasDrained) return hasFailed ? EXIT.failed : EXIT.ok;
    await this.#atMost(drained, 'parts did not end their work when told to');
    return EXIT.cut;
  }

  #aborted(): Promise<void> {
    const { signal } = this.#cut;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #stopParts(): Promise<void> {
    this.#enter('stopping');
    for (const part of this.#started.toReversed()) {
      const stopped = part.stop().catch((error: unknown) => {
        this.#options.logger.error('stop failed', { part: part.name, error });
      });
      // oxlint-disable-next-line no-await-in-loop -- the order is the point
      await this.#atMost(stopped, `part ${part.name} did not stop`);
    }
    this.#started.length = 0;
  }

  async #atMost(promise: Promise<unknown>, complaint: string): Promise<void> {
    const { promise: late, resolve } = withResolvers();
    const cancel = this.#clock.after(STOP_MAX_MS, () => {
      this.#options.logger.error(complaint, { after_ms: STOP_MAX_MS });
      resolve();
    });
    await Promise.race([promise, late]);
    cancel();
  }

  #end(ending: Ending): void {
    // A failure outranks the drain that it happens in.
    if (this.#ending === null || ending.how === 'failure') this.#ending = ending;
    this.#ended.resolve(ending);
  }

  #cutNow(reason: string): void {
    if (this.#cut.signal.aborted) return;
    this.#options.logger.warn('cutting what is left', { reason });
    this.#cut.abort();
  }

  #enter(phase: DaemonPhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#options.onPhase?.(phase);
  }

  #handleSignals(): () => void {
    const { onReopenLogs, onHandOver, signals = process } = this.#options;
    const handlers: readonly (readonly [DaemonSignal, () => void])[] = [
      ['SIGTERM', () => this.stop('SIGTERM')],
      ['SIGINT', () => this.stop('SIGINT')],
      ['SIGQUIT', () => this.#stopAtOnce('SIGQUIT')],
      ['SIGHUP', () => void this.#whileRunning('reload', () => this.#reload())],
      ['SIGUSR1', () => onReopenLogs?.()],
      ['SIGUSR2', () => void this.#whileRunning('hand-over', async () => onHandOver?.())],
    ];
    for (const [signal, handler] of handlers) signals.on(signal, handler);
    return () => {
      for (const [signal, handler] of handlers) signals.off(signal, handler);
    };
  }

  #stopAtOnce(reason: string): void {
    this.#end({ how: 'at-once', reason });
    this.#cut.abort();
  }

  async #reload(): Promise<void> {
    const { onReload, notifier } = this.#options;
    notifier?.reloading();
    try {
      await onReload?.();
    } finally {
      // Also after a failed reload the daemon is ready: the old configuration runs.
      notifier?.ready();
    }
  }

  async #whileRunning(what: string, action: () => Promise<unknown>): Promise<void> {
    if (this.#phase !== 'running') return;
    try {
      await action();
    } catch (error) {
      this.#options.logger.error(`${what} failed`, { error });
    }
  }
}

/** `Promise.withResolvers`, which Node has from 22 on. */
function withResolvers<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
