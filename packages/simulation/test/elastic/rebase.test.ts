import { describe, expect, test } from 'vitest';
import {
  DEFAULT_REBASE_POLICY,
  parseExperiment,
  rebaseFactor,
  type RebaseRow,
  resyncedDenorms,
  withValue,
} from '@balancer/simulation';
import { simulationOf } from '../experiment/support.ts';

/** 100/100 at equal weights, no fee but the least one, one rebase of +10 %, outside prices unchanged. */
const config = (resync: string, mode: string) =>
  parseExperiment(`
name = "rebase"
mode = "${mode}"
[pool]
kind = "v1-elastic"
tokens = ["ELASTIC", "CASH"]
weights = [7.0710678, 7.0710678]
balances = [100, 100]
swapFee = 0.000001
[time]
step = "1h"
steps = 3
[price.ELASTIC]
process = "constant"
[[agents]]
type = "rebaser"
token = "ELASTIC"
factors = [1.1]
every = "2h"
resync = "${resync}"
[[agents]]
type = "arb.closedForm"
`);

describe.each(['float', 'exact'])('a rebase of +10 %% (%s)', (mode) => {
  test('costs nothing when the weights follow', async () => {
    for (const resync of ['resync', 'safeResync']) {
      const rebases: RebaseRow[] = [];
      const metrics = (
        await simulationOf(config(resync, mode), { onRebase: (row) => rebases.push(row) })
      ).runTo(3);
      expect(metrics.arbitrageProfit).toBeLessThan(1e-9);
      expect(rebases).toMatchObject([{ factor: 1.1, step: 2 }]);
      expect(rebases[0]!.drift).toBeCloseTo(0, 8);
      expect(rebases[0]!.weights[0]! / rebases[0]!.weights[1]!).toBeCloseTo(1.1, 8);
    }
  });

  test('costs 0.238230 when the pool only takes up the balance, at once or late', async () => {
    for (const resync of ['gulpOnly', 'late']) {
      const metrics = (await simulationOf(config(resync, mode))).runTo(3);
      // 210 - 2 sqrt(110 * 100), less the millionth of the volume that is the fee.
      expect(metrics.arbitrageProfit).toBeCloseTo(0.23823, 4);
      expect(metrics.lvr).toBeCloseTo(0.23823, 4);
      expect(metrics.holdValue).toBeCloseTo(210, 9);
    }
  });
});

describe('what is told of a rebase', () => {
  const rowsOf = async (resync: string, more = ''): Promise<RebaseRow[]> => {
    const rows: RebaseRow[] = [];
    const text = withValue(config(resync, 'float'), 'time.steps', 6);
    const simulation = await simulationOf(
      more === '' ? text : withValue(text, 'controllers', [JSON.parse(more)]),
      { onRebase: (row) => rows.push(row) },
    );
    simulation.runTo(6);
    return rows;
  };

  test('is the profit until the next step, and the pool beside holding and beside a twin without rebases', async () => {
    const [row] = await rowsOf('gulpOnly');
    expect(row).toMatchObject({ step: 2, take: 'gulp', factor: 1.1 });
    expect(row!.arbitrageProfit).toBeCloseTo(0.23823, 4);
    expect(row!.lpValue).toBeCloseTo(210 - 0.23823, 4);
    expect([row!.holdValue, row!.twinValue, row!.twinHoldValue]).toEqual([210, 200, 200]);
  });

  test('comes once more when a late pool takes the balance up: there the loss is', async () => {
    const [rebase, gulp] = await rowsOf('late');
    expect(rebase).toMatchObject({ step: 2, take: 'later', drift: 0, arbitrageProfit: 0 });
    expect(gulp).toMatchObject({ step: 3, take: 'gulp', factor: 1 });
    // The pool gives the token for less: a tenth more of it stands against the same cash.
    expect(gulp!.drift).toBeCloseTo(1 / 1.1 - 1, 12);
    expect(gulp!.arbitrageProfit).toBeCloseTo(0.23823, 4);
  });

  test('with the controller elastic.resync is what resync does, a step later', async () => {
    const controller = '{ "type": "elastic.resync", "token": "ELASTIC" }';
    const [rebase, taken] = await rowsOf('none', controller);
    expect(rebase).toMatchObject({ step: 2, take: 'later', arbitrageProfit: 0 });
    expect(taken).toMatchObject({ step: 3, take: 'resync', factor: 1 });
    expect(taken!.drift).toBeCloseTo(0, 9);
    expect(taken!.arbitrageProfit).toBeLessThan(1e-9);
    expect(taken!.weights[0]! / taken!.weights[1]!).toBeCloseTo(1.1, 9);
  });

  test('leaves the draws of the twin as they are', async () => {
    const noisy = withValue(config('gulpOnly', 'float'), 'agents', [
      { type: 'rebaser', token: 'ELASTIC', factors: [1.1], every: '2h', resync: 'gulpOnly' },
      { type: 'noise', perDay: 50, meanSize: 1 },
    ]);
    const rows: RebaseRow[] = [];
    (await simulationOf(noisy, { onRebase: (row) => rows.push(row) })).runTo(3);
    const alone = await simulationOf(
      withValue(noisy, 'agents', [{ type: 'noise', name: 'noise-1', perDay: 50, meanSize: 1 }]),
    );
    expect(rows[0]!.twinValue).toBe(alone.runTo(2).value);
  });
});

describe('rebaseFactor', () => {
  test('is 1 in the band, a tenth of the deviation outside, and capped', () => {
    const at = (price: number): number => rebaseFactor(price, DEFAULT_REBASE_POLICY);
    expect([at(1), at(1.049), at(0.951)]).toEqual([1, 1, 1]);
    expect(at(1.5)).toBeCloseTo(1.05, 12);
    expect(at(0.5)).toBeCloseTo(0.95, 12);
    expect(at(5)).toBeCloseTo(1.1, 12);
  });

  test('resyncedDenorms refuses a factor of nothing', () => {
    expect(() => resyncedDenorms([1, 1], 0, 0)).toThrow('factor must be above 0; got 0');
  });
});
