import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { latestOf, StatisticsHistory } from '../src/history.ts';
import { documentOf } from './documents.ts';

describe('StatisticsHistory', () => {
  test('divides the difference of two documents by the time between them', () => {
    const history = new StatisticsHistory();
    history.record(documentOf({ total: 100, bytesTx: 1000, bytesRx: 5000, open: 3 }), 10_000);
    history.record(documentOf({ total: 130, bytesTx: 3000, bytesRx: 5000, open: 7 }), 12_000);
    const expected = { connections: 15, bytesTx: 1000, bytesRx: 0, open: 7 };
    expect(latestOf(history.whole)).toEqual(expected);
    expect(latestOf(history.frontend('web'))).toEqual(expected);
    expect(latestOf(history.backend('out'))).toEqual(expected);
    expect(latestOf(history.server('out', '10.0.0.1:80'))).toEqual(expected);
  });

  test('knows no rate after the first document, but what is open', () => {
    const history = new StatisticsHistory();
    history.record(documentOf({ total: 100, open: 3 }), 0);
    expect(latestOf(history.whole)).toEqual({
      connections: null,
      bytesTx: null,
      bytesRx: null,
      open: 3,
    });
  });

  test('leaves a gap, and no spike, after a silence', () => {
    const history = new StatisticsHistory({ gapMs: 7000 });
    history.record(documentOf({ total: 0 }), 0);
    history.record(documentOf({ total: 2 }), 2000);
    history.record(documentOf({ total: 60_000 }), 60_000);
    history.record(documentOf({ total: 60_002 }), 62_000);
    expect(history.times).toEqual([0, 2000, 31_000, 60_000, 62_000]);
    expect(history.whole.connections).toEqual([null, 1, null, null, 1]);
    expect(history.whole.open).toEqual([0, 0, null, 0, 0]);
  });

  test('takes no row from a document that follows at once, and counts it into the next', () => {
    const history = new StatisticsHistory({ stepMinMs: 500 });
    history.record(documentOf({ total: 0 }), 0);
    history.record(documentOf({ total: 100 }), 10);
    history.record(documentOf({ total: 20 }), 2000);
    expect(history.whole.connections).toEqual([null, 10]);
  });

  test.each([
    ['another process', { pid: 2, uptime: 12 }],
    ['the same number with a younger process', { pid: 1, uptime: 0 }],
  ])('leaves a gap when %s answers, though its totals are larger', (_case, facts) => {
    const history = new StatisticsHistory();
    history.record(documentOf({ total: 10, pid: 1, uptime: 10 }), 0);
    history.record(documentOf({ total: 500, ...facts }), 2000);
    expect(history.whole.connections).toEqual([null, null, null]);
    expect(history.whole.open).toEqual([0, null, 0]);
  });

  test('knows no rate of what began anew, and goes on with the rest', () => {
    const history = new StatisticsHistory();
    history.record(documentOf({ total: 10, server: { total: 10 } }), 0);
    history.record(documentOf({ total: 20, server: { total: 1 } }), 2000);
    expect(latestOf(history.server('out', '10.0.0.1:80')).connections).toBeNull();
    expect(latestOf(history.frontend('web')).connections).toBe(5);
  });

  test('starts a frontend that appears later with empty rows, and forgets one that goes', () => {
    const history = new StatisticsHistory();
    history.record(documentOf({ total: 1 }), 0);
    history.record(documentOf({ total: 3, frontend: 'new' }), 1000);
    expect(history.frontend('new').open).toEqual([null, 0]);
    expect(history.frontend('web').open).toEqual([null, null]);
    history.record(documentOf({ total: 9, frontend: 'new' }), 2000);
    expect(history.frontend('new').connections).toEqual([null, null, 6]);
  });

  test('never mixes up names that contain each other', () => {
    const history = new StatisticsHistory();
    history.record(documentOf({ frontend: 'a b', open: 4 }), 0);
    expect(latestOf(history.backend('a b')).open).toBeNull();
    expect(latestOf(history.frontend('a')).open).toBeNull();
  });

  test('keeps as many rows in every column as there are times, none older than the window', () => {
    const steps = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 0, max: 20_000 }),
        total: fc.nat(),
        pid: fc.integer({ min: 1, max: 2 }),
        frontend: fc.constantFrom('a', 'b'),
      }),
      { minLength: 1, maxLength: 20 },
    );
    /** The last row of a full window comes too soon to be one. */
    const oneTooYoung = [0, 20_000, 20_000, 20_000, 400].map((afterMs) => ({
      afterMs,
      total: 0,
      pid: 1,
      frontend: 'a',
    }));
    fc.assert(
      fc.property(steps, (rows) => {
        const history = new StatisticsHistory({ windowMs: 60_000 });
        let atMs = 0;
        for (const { afterMs, ...facts } of rows) {
          atMs += afterMs;
          history.record(documentOf(facts), atMs);
          const all = [history.whole, history.frontend('a'), history.frontend('b')];
          const lengths = all.flatMap((series) => Object.values(series).map((c) => c.length));
          expect(new Set(lengths)).toEqual(new Set([history.times.length]));
          expect(history.times[0]).toBeGreaterThanOrEqual(atMs - 60_000);
          expect(history.whole.connections.every((rate) => rate === null || rate >= 0)).toBe(true);
        }
      }),
      { examples: [[oneTooYoung]] },
    );
  });
});
