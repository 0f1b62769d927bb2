import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackendCounters, FrontendCounters, ServerCounters } from '../src/counters.ts';
import { addDifference, tallyOf, withoutGauges } from '../src/tally.ts';

/** Something that happens to a frontend. */
const event = fc.oneof(
  fc.constant((counters: FrontendCounters) => counters.opened()),
  fc.constant((counters: FrontendCounters) => counters.closed()),
  fc.nat(1e6).map((bytes) => (counters: FrontendCounters) => counters.addTx(bytes)),
  fc.constant((counters: FrontendCounters) => void counters.refused.acl++),
  fc.constant((counters: FrontendCounters) => void counters.udp.datagramsRx++),
  fc.constant((counters: FrontendCounters) => void counters.udp.dropped.evicted++),
  fc.nat(100).map((s) => (counters: FrontendCounters) => {
    counters.durations.observe('client_fin', s);
  }),
);

describe('tallies', () => {
  test('of two processes add up to what one would have counted, however often they are taken', () => {
    const step = fc.record({ happens: event, worker: fc.nat(1), isReported: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const alone = new FrontendCounters();
        const sum = new FrontendCounters();
        const workers = [new FrontendCounters(), new FrontendCounters()];
        const told: (Float64Array | undefined)[] = [undefined, undefined];
        const report = (index: number): void => {
          const tally = tallyOf(workers[index]!);
          addDifference(sum, tally, told[index]);
          told[index] = tally;
        };
        for (const { happens, worker, isReported } of steps) {
          happens(alone);
          happens(workers[worker]!);
          if (isReported) report(worker);
        }
        report(0);
        report(1);
        expect(tallyOf(sum)).toEqual(tallyOf(alone));
      }),
    );
  });

  test('of a process that is gone keep what it counted, and nothing that is now', () => {
    const worker = new ServerCounters();
    worker.opened();
    worker.opened();
    worker.closed();
    worker.connectFailures.refused = 3;
    const sum = new ServerCounters();
    const tally = tallyOf(worker);
    addDifference(sum, tally, undefined);
    expect(sum.current).toBe(1);
    addDifference(sum, withoutGauges(sum, tally), tally);
    expect(sum).toMatchObject({ current: 0, total: 2 });
    expect(sum.connectErrors).toBe(3);
  });

  test('of a backend take its queue for a gauge', () => {
    const worker = new BackendCounters();
    worker.queued = 2;
    worker.retries = 5;
    const sum = new BackendCounters();
    const tally = tallyOf(worker);
    addDifference(sum, tally, undefined);
    addDifference(sum, withoutGauges(sum, tally), tally);
    expect(sum).toMatchObject({ queued: 0, retries: 5 });
  });
});
