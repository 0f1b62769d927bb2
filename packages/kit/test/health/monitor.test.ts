import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CheckResult,
  HealthMonitor,
  type HealthMonitorOptions,
  type HealthTransition,
  ManualClock,
} from '../../src/index.ts';

interface Bench {
  readonly monitor: HealthMonitor;
  readonly clock: ManualClock;
  readonly transitions: HealthTransition[];
  /** Number of checks started. */
  readonly startedCount: () => number;
  /** Ends the running check. */
  readonly answer: (ok: boolean, reason?: string) => Promise<void>;
}

function bench(options: Partial<HealthMonitorOptions> = {}): Bench {
  const clock = new ManualClock();
  const transitions: HealthTransition[] = [];
  const pending: ((result: CheckResult) => void)[] = [];
  let started = 0;
  const monitor = new HealthMonitor({
    check: () => {
      started++;
      return new Promise((resolve) => void pending.push(resolve));
    },
    intervalMs: 5000,
    fastIntervalMs: 1000,
    rise: 2,
    fall: 3,
    onTransition: (transition) => void transitions.push(transition),
    clock,
    random: () => 0.5,
    ...options,
  });
  return {
    monitor,
    clock,
    transitions,
    startedCount: () => started,
    answer: async (ok, reason = ok ? '' : 'connection refused') => {
      expect(pending).toHaveLength(1);
      pending.shift()!({ ok, reason, ms: 1 });
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

describe('HealthMonitor', () => {
  test.each([
    [true, 'up'],
    [false, 'down'],
  ] as const)('takes its start state from the first result (%s)', async (ok, state) => {
    const { monitor, transitions, answer } = bench();
    expect(monitor.state).toBe('unknown');
    monitor.start();
    await answer(ok);
    expect(monitor.state).toBe(state);
    expect(transitions).toMatchObject([{ from: 'unknown', to: state }]);
  });

  test('goes down after exactly 3 failures and up after exactly 2 successes, checking fast meanwhile', async () => {
    const { monitor, clock, transitions, startedCount, answer } = bench();
    monitor.start();
    await answer(true);
    const intervals: number[] = [];
    for (const ok of [false, false, false, true, true, true]) {
      const before = clock.nowMs();
      const count = startedCount();
      while (startedCount() === count) clock.advance(100);
      intervals.push(clock.nowMs() - before);
      await answer(ok, ok ? '' : 'timeout after 3000 ms');
    }
    expect(intervals).toEqual([5000, 1000, 1000, 5000, 1000, 5000]);
    expect(transitions).toEqual([
      { from: 'unknown', to: 'up', reason: '' },
      { from: 'up', to: 'down', reason: 'timeout after 3000 ms' },
      { from: 'down', to: 'up', reason: '' },
    ]);
  });

  test('forgets failures when a success comes between them', async () => {
    const { monitor, clock, answer } = bench();
    monitor.start();
    await answer(true);
    for (const ok of [false, false, true, false, false, true]) {
      clock.advance(5000);
      await answer(ok);
    }
    expect(monitor.state).toBe('up');
  });

  test('never runs two checks at a time, however slow one is', async () => {
    const { monitor, clock, startedCount, answer } = bench();
    monitor.start();
    clock.advance(60_000);
    expect(startedCount()).toBe(1);
    await answer(true);
    clock.advance(0);
    expect(startedCount()).toBe(2);
  });

  test('spreads checks by 10 % to both sides of the interval', async () => {
    for (const [random, atMs] of [
      [0, 4500],
      [0.999_999, 5500],
    ] as const) {
      const { monitor, clock, startedCount, answer } = bench({ random: () => random });
      monitor.start();
      await answer(true);
      clock.advance(atMs - 1);
      expect(startedCount()).toBe(1);
      clock.advance(1);
      expect(startedCount()).toBe(2);
    }
  });

  test('ignores the result of a check that it aborted by stopping', async () => {
    let aborted = false;
    const { monitor, clock, transitions } = bench({
      check: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve({ ok: false, reason: 'cancelled', ms: 0 });
          });
        }),
    });
    monitor.start();
    monitor.stop();
    await Promise.resolve();
    expect(aborted).toBe(true);
    expect(transitions).toEqual([]);
    expect(clock.pendingCount).toBe(0);
  });

  test('keeps state and counts when its settings change, and runs a new check at once', async () => {
    const { monitor, clock, transitions, startedCount, answer } = bench();
    monitor.start();
    await answer(true);
    clock.advance(5000);
    await answer(false);
    monitor.configure({ fall: 2, fastIntervalMs: 100 });
    clock.advance(100);
    await answer(false);
    expect(transitions.at(-1)).toMatchObject({ from: 'up', to: 'down' });
    monitor.configure({ check: async () => ({ ok: true, reason: '', ms: 2 }), rise: 1 });
    await Promise.resolve();
    await Promise.resolve();
    expect(monitor.state).toBe('up');
    expect(monitor.lastResult).toMatchObject({ ok: true, ms: 2 });
    expect(startedCount()).toBe(3);
  });

  test('agrees with a model of the thresholds on any sequence of results', async () => {
    const results = fc.array(fc.boolean(), { minLength: 1, maxLength: 30 });
    const threshold = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(results, threshold, threshold, async (sequence, rise, fall) => {
        const { monitor, clock, answer } = bench({ rise, fall });
        monitor.start();
        let model = sequence[0] ? 'up' : 'down';
        for (const [i, ok] of sequence.entries()) {
          if (i > 0) clock.advance(5000);
          await answer(ok);
          const needed = model === 'up' ? fall : rise;
          const recent = sequence.slice(Math.max(0, i + 1 - needed), i + 1);
          const isAgainst = recent.every((result) => result === (model === 'down'));
          if (recent.length === needed && isAgainst) model = model === 'up' ? 'down' : 'up';
          expect(monitor.state).toBe(model);
        }
      }),
    );
  });
});
