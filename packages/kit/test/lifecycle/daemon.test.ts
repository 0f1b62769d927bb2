import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  ConfigFileError,
  Daemon,
  type DaemonOptions,
  type DaemonPart,
  type DaemonSignal,
  type ExitCode,
  type Logger,
  ManualClock,
  silentLogger,
} from '../../src/index.ts';

interface Bench {
  readonly daemon: Daemon;
  readonly clock: ManualClock;
  readonly events: string[];
  readonly code: Promise<ExitCode>;
  readonly signal: (name: DaemonSignal) => void;
  readonly signals: EventEmitter;
  /** Resolves when an event was recorded. */
  readonly seen: (event: string) => Promise<void>;
}

/** A daemon that runs, with everything it does written down. */
function running(
  makeParts: (note: (event: string) => void) => DaemonPart[],
  options: Partial<DaemonOptions> = {},
): Bench {
  const events: string[] = [];
  const noted = new EventEmitter();
  const note = (event: string): void => {
    events.push(event);
    noted.emit('event');
  };
  const seen = async (event: string): Promise<void> => {
    while (!events.includes(event)) {
      // oxlint-disable-next-line no-await-in-loop -- one event at a time
      await new Promise((resolve) => noted.once('event', resolve));
    }
  };
  const logger: Logger = {
    ...silentLogger,
    info: (message) => note(`log ${message}`),
    error: (message) => note(`log ${message}`),
    fatal: (message) => note(`log ${message}`),
  };
  const signals = new EventEmitter();
  const clock = new ManualClock();
  const daemon = new Daemon({
    parts: makeParts(note),
    logger,
    shutdownTimeoutMs: 30_000,
    signals,
    clock,
    ...options,
  });
  const code = daemon.run();
  return { daemon, clock, events, code, signal: (name) => void signals.emit(name), signals, seen };
}

/** A part whose drain ends when told to, or when it is cut. */
function part(name: string, note: (event: string) => void, drained?: Promise<void>): DaemonPart {
  return {
    name,
    start: async () => note(`start ${name}`),
    stop: async () => note(`stop ${name}`),
    ...(drained === undefined
      ? {}
      : {
          drain: async (cut) => {
            note(`drain ${name}`);
            const cutting = new Promise<void>((resolve) => {
              cut.addEventListener('abort', () => {
                note(`cut ${name}`);
                resolve();
              });
            });
            await Promise.race([drained, cutting]);
          },
        }),
  };
}

const forever = new Promise<void>(() => {});

describe('Daemon', () => {
  test('starts parts in order, drains them together, stops them in reverse, and exits 0', async () => {
    const { events, code, signal, seen } = running((note) => [
      part('a', note, Promise.resolve()),
      part('b', note, Promise.resolve()),
    ]);
    await seen('log ready');
    signal('SIGTERM');
    expect(await code).toBe(0);
    expect(events).toEqual([
      'start a',
      'start b',
      'log ready',
      'log stopping',
      'drain a',
      'drain b',
      'stop b',
      'stop a',
      'log stopped',
    ]);
  });

  test('stops what was started when a later part fails, and exits 1', async () => {
    const { events, code } = running((note) => [
      part('a', note),
      { ...part('b', note), start: () => Promise.reject(new Error('port in use')) },
      part('c', note),
    ]);
    expect(await code).toBe(1);
    expect(events).toEqual(['start a', 'log start failed', 'stop a']);
  });

  test('exits 2 when a part refuses the configuration', async () => {
    const { code } = running((note) => [
      { ...part('a', note), start: () => Promise.reject(new ConfigFileError([])) },
    ]);
    expect(await code).toBe(2);
  });

  test('cuts at the drain deadline and exits 3', async () => {
    const { clock, events, code, signal, seen } = running((note) => [part('a', note, forever)]);
    await seen('log ready');
    signal('SIGTERM');
    await seen('drain a');
    clock.advance(29_999);
    expect(events).not.toContain('cut a');
    clock.advance(1);
    expect(await code).toBe(3);
    expect(events).toContain('cut a');
  });

  test('cuts at once on a second signal', async () => {
    const { events, code, signal, seen } = running((note) => [part('a', note, forever)]);
    await seen('log ready');
    signal('SIGINT');
    await seen('drain a');
    signal('SIGTERM');
    expect(await code).toBe(3);
    expect(events).toContain('cut a');
  });

  test('stops at once on SIGQUIT without draining, and exits 0', async () => {
    const { events, code, signal, seen } = running((note) => [part('a', note, forever)]);
    await seen('log ready');
    signal('SIGQUIT');
    expect(await code).toBe(0);
    expect(events).not.toContain('drain a');
  });

  test('does not start the rest when it is stopped while it starts', async () => {
    const bench = running((note) => [
      {
        ...part('a', note),
        start: async () => {
          note('start a');
          await Promise.resolve();
          bench.signal('SIGTERM');
        },
      },
      part('b', note),
    ]);
    expect(await bench.code).toBe(0);
    expect(bench.events).toEqual(['start a', 'log stopping', 'stop a', 'log stopped']);
  });

  test('exits 1 when it fails while it runs, also while it drains', async () => {
    const first = running((note) => [part('a', note)]);
    await first.seen('log ready');
    first.daemon.fail(new Error('lost'));
    expect(await first.code).toBe(1);

    const second = running((note) => [part('a', note, forever)]);
    await second.seen('log ready');
    second.signal('SIGTERM');
    await second.seen('drain a');
    second.daemon.fail(new Error('lost'));
    expect(await second.code).toBe(1);
  });

  test('goes on when a part hangs or throws while it stops', async () => {
    const { clock, events, code, signal, seen } = running((note) => [
      part('a', note),
      {
        ...part('b', note),
        stop: () => {
          note('hang b');
          return forever;
        },
      },
      { ...part('c', note), stop: () => Promise.reject(new Error('no')) },
    ]);
    await seen('log ready');
    signal('SIGTERM');
    await seen('hang b');
    clock.advance(5000);
    expect(await code).toBe(0);
    expect(events).toContain('log stop failed');
    expect(events.slice(-3)).toEqual(['log part b did not stop', 'stop a', 'log stopped']);
  });

  test('reloads, reopens logs and hands over by signal, and survives their failure', async () => {
    const calls: string[] = [];
    const { daemon, code, signal, seen } = running((note) => [part('a', note)], {
      onReload: async () => {
        calls.push('reload');
        throw new Error('bad file');
      },
      onReopenLogs: () => void calls.push('reopen'),
      onHandOver: async () => void calls.push('hand over'),
      notifier: {
        ready: () => void calls.push('READY'),
        reloading: () => void calls.push('RELOADING'),
        stopping: () => void calls.push('STOPPING'),
        settled: async () => {},
      },
    });
    await seen('log ready');
    signal('SIGHUP');
    signal('SIGUSR1');
    await seen('log reload failed');
    signal('SIGUSR2');
    expect(daemon.phase).toBe('running');
    daemon.stop('test');
    expect(await code).toBe(0);
    expect(calls).toEqual([
      'READY',
      'RELOADING',
      'reload',
      'reopen',
      'READY',
      'hand over',
      'STOPPING',
    ]);
  });

  test('does not tell the service manager of its end when it has a successor', async () => {
    const calls: string[] = [];
    const { daemon, code, seen } = running((note) => [part('a', note)], {
      notifier: {
        ready: () => void calls.push('READY'),
        reloading: () => {},
        stopping: () => void calls.push('STOPPING'),
        settled: async () => {},
      },
    });
    await seen('log ready');
    daemon.retire('another process does it');
    expect(await code).toBe(0);
    expect(calls).toEqual(['READY']);
  });

  test('with a successor goes on draining at the first signal, and cuts at the second', async () => {
    const { daemon, events, code, signal, seen } = running((note) => [part('a', note, forever)]);
    await seen('log ready');
    daemon.retire('another process does it');
    await seen('drain a');
    signal('SIGTERM');
    expect(events).not.toContain('cut a');
    signal('SIGTERM');
    expect(await code).toBe(3);
    expect(events).toContain('cut a');
  });

  test('takes its signal handlers away when it ends', async () => {
    const { signals, code, signal, seen } = running((note) => [part('a', note)]);
    await seen('log ready');
    expect(signals.eventNames()).toHaveLength(6);
    signal('SIGTERM');
    await code;
    expect(signals.eventNames()).toEqual([]);
  });
});
