import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { v1 } from '@balancer/pools';
import { A, B, C, ONE, alice, bob, createdCrp, codeOf } from './support.ts';

const { elastic, pool } = v1;

/** AMPL/USDC at 100 + 100 tokens of 9 and 6 decimals. */
const reference = createdCrp({
  kind: 'elastic',
  bindings: [
    { token: A, balance: 100n * 10n ** 9n, denorm: 7_071_067_811_870_000_000n },
    { token: B, balance: 100n * 10n ** 6n, denorm: 7_071_067_811_870_000_000n },
  ],
});

const percent = (change: number, balance: bigint): bigint =>
  (balance * BigInt(100 + change)) / 100n;
const weightsAfter = (weights: readonly bigint[], change: number) =>
  elastic.resync({
    weights: weights.map((weight) => weight * ONE),
    index: 0,
    balanceBefore: 10n ** 15n,
    balanceAfter: percent(change, 10n ** 15n),
  });
const rebased = (state: v1.crp.CrpState, balance: bigint): v1.crp.CrpState => ({
  ...state,
  pool: pool.setHeld(state.pool!, { token: A, balance }).state,
});

/** Exact price of B in A: the pool's own spot price has fewer digits than the resync keeps. */
const priceOf = ({ tokens: [a, b] }: v1.pool.PoolState): number =>
  (Number(a!.balance) / Number(a!.denorm)) * (Number(b!.denorm) / Number(b!.balance));

describe('resynchronised weights', () => {
  test.each([
    [[10n, 10n], 10, [10_488_088_481_701_515_469n, 9_534_625_892_455_923_154n]],
    [[10n, 10n], -10, [9_486_832_980_505_137_995n, 10_540_925_533_894_597_772n]],
    [[10n, 10n], 1500, [40n * ONE, 25n * 10n ** 17n]],
    [
      [10n, 10n, 5n, 4n],
      10,
      [
        10_488_088_481_701_515_469n,
        9_534_625_892_455_923_154n,
        4_767_312_946_227_961_577n,
        3_813_850_356_982_369_261n,
      ],
    ],
  ])('of %s after %i %% are known', (weights, change, expected) => {
    expect(weightsAfter(weights, change)).toEqual(expected);
  });

  test('keep the price within 1 / bmul(w, b) + 1e-17, in real pools', () => {
    const balance = fc.bigInt(10n ** 6n, 10n ** 27n);
    const weight = fc.bigInt(3n * ONE, 15n * ONE);
    const factor = fc.bigInt(5n * 10n ** 17n, 2n * ONE);
    fc.assert(
      fc.property(balance, weight, weight, factor, (balanceBefore, own, other, by) => {
        const balanceAfter = (balanceBefore * by) / ONE;
        fc.pre(balanceAfter > 0n);
        const weights = [own, other];
        const resynced = elastic.resyncedWeights({
          weights,
          index: 0,
          balanceBefore,
          balanceAfter,
        });
        // Price of the other token in this one, up to the other's balance: (b / w) * w_other.
        const before = balanceBefore * resynced[0]! * other;
        const after = balanceAfter * own * resynced[1]!;
        const off = v1.num.bdiff(after, before);
        const target = v1.num.bmul(own, balanceAfter);
        // off / before <= 1 / target + 1e-17, and two units of rounding in the weights themselves.
        const bound = before / target + before / 10n ** 17n + (2n * before) / ONE + 1n;
        expect(off <= bound).toBe(true);
      }),
    );
  });

  test('isqrt is the floor of the square root', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 256n - 1n), (y) => {
        const root = elastic.isqrt(y);
        expect(root * root <= y && (root + 1n) * (root + 1n) > y).toBe(true);
      }),
    );
  });

  test.each([
    ['ERR_MAX_WEIGHT', [26n, 3n], 1000],
    ['ERR_MIN_WEIGHT', [10n, 1n], 300],
    ['ERR_MAX_TOTAL_WEIGHT', [24n, 24n], 100],
  ])('revert with %s when the pool cannot follow', (code, weights, change) => {
    expect(codeOf(() => weightsAfter(weights, change))).toBe(code);
  });
});

describe('an elastic pool', () => {
  test('keeps price, share supply and other balances over a rebase', () => {
    const { state } = elastic.resyncWeight(rebased(reference, 110n * 10n ** 9n), { token: A }, bob);
    expect(Math.abs(priceOf(state.pool!) / priceOf(reference.pool!) - 1)).toBeLessThan(2e-12);
    expect(state.shares).toEqual(reference.shares);
    expect(pool.getBalance(state.pool!, B)).toBe(100n * 10n ** 6n);
    expect(pool.getBalance(state.pool!, A)).toBe(110n * 10n ** 9n);
  });

  test('does nothing when nothing was rebased', () => {
    const { state } = elastic.resyncWeight(reference, { token: A }, bob);
    expect(state.pool).toEqual(reference.pool);
  });

  test('takes up the balance and says why when the weights cannot follow', () => {
    const state = rebased(reference, 100n * 10n ** 9n * 40n);
    expect(codeOf(() => elastic.resyncWeight(state, { token: A }, bob))).toBe(
      'ERR_MAX_TOTAL_WEIGHT',
    );
    const safe = elastic.safeResync(state, { token: A }, bob);
    expect(safe.result.errorReason).toBe('ERR_MAX_TOTAL_WEIGHT');
    expect(safe.events.at(-1)).toMatchObject({
      type: 'ErrorReason',
      reason: 'ERR_MAX_TOTAL_WEIGHT',
    });
    expect(pool.getBalance(safe.state.pool!, A)).toBe(4000n * 10n ** 9n);
    expect(pool.getDenormalizedWeight(safe.state.pool!, A)).toBe(7_071_067_811_870_000_000n);
  });

  test('follows an orchestrated rebase in one step', () => {
    const factor = 95n * 10n ** 16n;
    const orchestrated = elastic.orchestrate(
      reference,
      { rebases: [{ token: A, factor }], resyncs: [A] },
      alice,
    );
    const single = elastic.safeResync(rebased(reference, 95n * 10n ** 9n), { token: A }, alice);
    expect(orchestrated.state).toEqual(single.state);
    expect(orchestrated.result.errorReasons).toEqual([null]);
  });

  test.each<[string, () => unknown]>([
    [
      'ERR_UNSUPPORTED_OPERATION',
      () => v1.crp.updateWeight(reference, { token: A, newWeight: ONE }, alice),
    ],
    ['ERR_UNSUPPORTED_OPERATION', () => v1.crp.pokeWeights(reference, alice)],
    [
      'ERR_UNSUPPORTED_OPERATION',
      () =>
        v1.crp.updateWeightsGradually(
          reference,
          { newWeights: [], startBlock: 0n, endBlock: 0n },
          alice,
        ),
    ],
    ['ERR_UNSUPPORTED_OPERATION', () => elastic.resyncWeight(createdCrp(), { token: A }, alice)],
    ['ERR_NOT_BOUND', () => elastic.resyncWeight(reference, { token: C }, alice)],
    ['ERR_NOT_BOUND', () => elastic.safeResync(reference, { token: C }, alice)],
    [
      'ERR_NOT_CREATED',
      () => elastic.resyncWeight({ ...reference, pool: null }, { token: A }, alice),
    ],
  ])('refuses: %s', (code, call) => expect(codeOf(call)).toBe(code));
});
