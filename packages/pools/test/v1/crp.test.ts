import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { v1 } from '@balancer/pools';
import {
  A,
  ALICE,
  ALL_RIGHTS,
  B,
  BOB,
  C,
  D,
  EIGHTY_TWENTY,
  FACTORY,
  MAX_UINT256,
  ONE,
  alice,
  bob,
  createdCrp,
  codeOf,
} from './support.ts';

const { crp, pool } = v1;

const created = createdCrp();
const at = (block: bigint): v1.Env => ({ sender: ALICE, block });
const inner = (state: v1.crp.CrpState): v1.pool.PoolState => state.pool!;

const params: v1.crp.PoolParams = {
  constituentTokens: [A, B],
  tokenBalances: [ONE, ONE],
  tokenWeights: [ONE, ONE],
  swapFee: 10n ** 15n,
};
const construct = (
  change: Partial<v1.crp.PoolParams>,
  kind: 'crp' | 'elastic' = 'crp',
  rights: v1.crp.Rights = v1.crp.DEFAULT_RIGHTS,
) =>
  crp.construct(
    { address: BOB, factory: FACTORY, kind, rights, params: { ...params, ...change } },
    alice,
  );

describe('a rights pool', () => {
  test.each<[string, () => unknown]>([
    ['ERR_INVALID_SWAP_FEE', () => construct({ swapFee: 0n })],
    ['ERR_START_BALANCES_MISMATCH', () => construct({ tokenBalances: [ONE] })],
    ['ERR_START_WEIGHTS_MISMATCH', () => construct({ tokenWeights: [ONE] })],
    [
      'ERR_TOO_FEW_TOKENS',
      () => construct({ constituentTokens: [A], tokenBalances: [ONE], tokenWeights: [ONE] }),
    ],
    [
      'ERR_TOO_MANY_TOKENS',
      () =>
        construct({
          constituentTokens: Array.from({ length: 9 }, () => A),
          tokenBalances: Array.from({ length: 9 }, () => ONE),
          tokenWeights: Array.from({ length: 9 }, () => ONE),
        }),
    ],
    [
      'ERR_NOT_CONFIGURABLE_WEIGHTS',
      () => construct({}, 'elastic', { ...ALL_RIGHTS, canChangeWeights: false }),
    ],
  ])('is not constructed: %s', (code, call) => expect(codeOf(call)).toBe(code));

  const create = { initialSupply: 100n * ONE, poolAddress: C };
  const fresh = construct({});
  test.each<[string, () => unknown]>([
    ['ERR_NOT_CONTROLLER', () => crp.createPool(fresh, create, bob)],
    [
      'ERR_INCONSISTENT_TOKEN_TIME_LOCK',
      () =>
        crp.createPool(
          fresh,
          { ...create, minimumWeightChangeBlockPeriod: 1n, addTokenTimeLockInBlocks: 2n },
          alice,
        ),
    ],
    ['ERR_IS_CREATED', () => crp.createPool(created, { ...create, initialSupply: 0n }, alice)],
    ['ERR_INIT_SUPPLY_MIN', () => crp.createPool(fresh, { ...create, initialSupply: 0n }, alice)],
    [
      'ERR_INIT_SUPPLY_MAX',
      () => crp.createPool(fresh, { ...create, initialSupply: 10n ** 28n }, alice),
    ],
    ['ERR_NOT_CREATED', () => crp.setCap(fresh, { cap: 1n }, bob)],
    ['ERR_NOT_CONTROLLER', () => crp.setSwapFee(fresh, { fee: 1n }, bob)],
    ['ERR_NOT_CREATED', () => crp.setSwapFee(fresh, { fee: 1n }, alice)],
  ])('is not created or used: %s', (code, call) => expect(codeOf(call)).toBe(code));

  const none = createdCrp({
    rights: {
      canPauseSwapping: false,
      canChangeSwapFee: false,
      canChangeWeights: false,
      canAddRemoveTokens: false,
      canChangeCap: false,
    },
  });
  const listed = createdCrp({ rights: { canWhitelistLPs: true } });
  const join = { poolAmountOut: ONE, maxAmountsIn: [MAX_UINT256, MAX_UINT256] };
  const raised = crp.setCap(created, { cap: MAX_UINT256 }, alice).state;

  test.each<[string, () => unknown]>([
    ['ERR_NOT_CONFIGURABLE_SWAP_FEE', () => crp.setSwapFee(none, { fee: ONE }, alice)],
    ['ERR_NOT_PAUSABLE_SWAP', () => crp.setPublicSwap(none, { public: false }, alice)],
    ['ERR_CANNOT_CHANGE_CAP', () => crp.setCap(none, { cap: 0n }, alice)],
    [
      'ERR_NOT_CONFIGURABLE_WEIGHTS',
      () => crp.updateWeight(none, { token: A, newWeight: ONE }, alice),
    ],
    [
      'ERR_NOT_CONFIGURABLE_WEIGHTS',
      () =>
        crp.updateWeightsGradually(none, { newWeights: [], startBlock: 0n, endBlock: 0n }, alice),
    ],
    ['ERR_NOT_CONFIGURABLE_WEIGHTS', () => crp.pokeWeights(none, bob)],
    [
      'ERR_CANNOT_ADD_REMOVE_TOKENS',
      () => crp.commitAddToken(none, { token: C, balance: ONE, denorm: ONE }, alice),
    ],
    ['ERR_CANNOT_ADD_REMOVE_TOKENS', () => crp.applyAddToken(none, alice)],
    ['ERR_CANNOT_ADD_REMOVE_TOKENS', () => crp.removeToken(none, { token: A }, alice)],
    [
      'ERR_CANNOT_WHITELIST_LPS',
      () => crp.whitelistLiquidityProvider(none, { provider: BOB }, alice),
    ],
    [
      'ERR_CANNOT_WHITELIST_LPS',
      () => crp.removeWhitelistedLiquidityProvider(none, { provider: BOB }, alice),
    ],
    [
      'ERR_INVALID_ADDRESS',
      () => crp.whitelistLiquidityProvider(listed, { provider: v1.ZERO_ADDRESS }, alice),
    ],
    [
      'ERR_LP_NOT_WHITELISTED',
      () => crp.removeWhitelistedLiquidityProvider(listed, { provider: BOB }, alice),
    ],
    [
      'ERR_INVALID_ADDRESS',
      () => crp.setController(created, { controller: v1.ZERO_ADDRESS }, alice),
    ],
    ['ERR_NOT_ON_WHITELIST', () => crp.joinPool(listed, join, bob)],
    [
      'ERR_NOT_ON_WHITELIST',
      () => crp.joinswapExternAmountIn(listed, { tokenIn: A, tokenAmountIn: 1n }, bob),
    ],
    [
      'ERR_NOT_ON_WHITELIST',
      () => crp.joinswapPoolAmountOut(listed, { tokenIn: A, poolAmountOut: 1n }, bob),
    ],
    ['ERR_CAP_LIMIT_REACHED', () => crp.joinPool(created, join, bob)],
    ['ERR_AMOUNTS_MISMATCH', () => crp.joinPool(raised, { ...join, maxAmountsIn: [] }, bob)],
    [
      'ERR_AMOUNTS_MISMATCH',
      () => crp.exitPool(raised, { poolAmountIn: ONE, minAmountsOut: [] }, alice),
    ],
    ['ERR_MATH_APPROX', () => crp.joinPool(raised, { ...join, poolAmountOut: 0n }, bob)],
    ['ERR_LIMIT_IN', () => crp.joinPool(raised, { ...join, maxAmountsIn: [0n, 0n] }, bob)],
    [
      'ERR_LIMIT_OUT',
      () => crp.exitPool(raised, { poolAmountIn: ONE, minAmountsOut: [MAX_UINT256, 0n] }, alice),
    ],
    [
      'ERR_INSUFFICIENT_BAL',
      () => crp.exitPool(raised, { poolAmountIn: ONE, minAmountsOut: [0n, 0n] }, bob),
    ],
    [
      'ERR_NOT_BOUND',
      () => crp.joinswapExternAmountIn(raised, { tokenIn: C, tokenAmountIn: 1n }, bob),
    ],
    [
      'ERR_MAX_IN_RATIO',
      () => crp.joinswapExternAmountIn(raised, { tokenIn: A, tokenAmountIn: 5000n * ONE }, bob),
    ],
    [
      'ERR_MAX_OUT_RATIO',
      () =>
        crp.exitswapExternAmountOut(raised, { tokenOut: A, tokenAmountOut: 5000n * ONE }, alice),
    ],
    ['ERR_MIN_WEIGHT', () => crp.updateWeight(raised, { token: A, newWeight: 0n }, alice)],
    ['ERR_MAX_WEIGHT', () => crp.updateWeight(raised, { token: A, newWeight: 51n * ONE }, alice)],
    ['ERR_NOT_BOUND', () => crp.updateWeight(raised, { token: C, newWeight: ONE }, alice)],
    [
      'ERR_MAX_TOTAL_WEIGHT',
      () => crp.updateWeight(raised, { token: A, newWeight: 45n * ONE }, alice),
    ],
    ['ERR_NO_TOKEN_COMMIT', () => crp.applyAddToken(raised, alice)],
    [
      'ERR_IS_BOUND',
      () => crp.commitAddToken(raised, { token: A, balance: ONE, denorm: ONE }, alice),
    ],
    [
      'ERR_WEIGHT_ABOVE_MAX',
      () => crp.commitAddToken(raised, { token: C, balance: ONE, denorm: 51n * ONE }, alice),
    ],
    [
      'ERR_WEIGHT_BELOW_MIN',
      () => crp.commitAddToken(raised, { token: C, balance: ONE, denorm: 0n }, alice),
    ],
    [
      'ERR_MAX_TOTAL_WEIGHT',
      () => crp.commitAddToken(raised, { token: C, balance: ONE, denorm: ONE }, alice),
    ],
  ])('refuses a call: %s', (code, call) => expect(codeOf(call)).toBe(code));

  test('commits no token with a balance below 10^12 units', () => {
    const light = createdCrp({
      bindings: EIGHTY_TWENTY.map(({ token, balance }) => ({ token, balance, denorm: ONE })),
    });
    const token = { token: C, balance: 10n ** 12n - 1n, denorm: ONE };
    expect(codeOf(() => crp.commitAddToken(light, token, alice))).toBe('ERR_BALANCE_BELOW_MIN');
  });

  test('leaves at least 10^12 units behind when it lowers a weight', () => {
    const small = createdCrp({
      bindings: EIGHTY_TWENTY.map(({ token, denorm }) => ({ token, denorm, balance: 10n ** 12n })),
    });
    const lower = { token: A, newWeight: 20n * ONE };
    expect(codeOf(() => crp.updateWeight(small, lower, alice))).toBe('ERR_MIN_BALANCE');
  });

  test('lets listed providers join, and no longer when they are taken off', () => {
    const open = crp.setCap(listed, { cap: MAX_UINT256 }, alice).state;
    const withBob = crp.whitelistLiquidityProvider(open, { provider: BOB }, alice).state;
    expect(crp.joinPool(withBob, join, bob).result.amountsIn).toHaveLength(2);
    const without = crp.removeWhitelistedLiquidityProvider(withBob, { provider: BOB }, alice).state;
    expect(codeOf(() => crp.joinPool(without, join, bob))).toBe('ERR_NOT_ON_WHITELIST');
  });

  test('closes swaps while it joins, and opens them again', () => {
    const { events } = crp.joinPool(raised, join, bob);
    const calls = events.filter(({ type }) => type === 'LOG_CALL');
    expect(calls[0]).toMatchObject({ call: 'setPublicSwap' });
    expect(calls.at(-1)).toMatchObject({ call: 'setPublicSwap' });
  });

  // Ratios have 18 digits and round half up, so the join and the exit may each miss half of the last.
  test('never lets a joiner profit from leaving at once by more than the last digit of the ratio', () => {
    fc.assert(
      fc.property(fc.bigInt(10n ** 6n, 10_000n * ONE), (poolAmountOut) => {
        const joined = crp.joinPool(raised, { ...join, poolAmountOut }, bob);
        const exit = { poolAmountIn: poolAmountOut, minAmountsOut: [0n, 0n] };
        const left = crp.exitPool(joined.state, exit, bob);
        joined.result.amountsIn.forEach((amountIn, i) => {
          const held = inner(joined.state).tokens[i]!.balance;
          expect(left.result.amountsOut[i]! - amountIn <= held / ONE + 2n).toBe(true);
        });
      }),
    );
  });

  test('changes one weight without moving the price by more than rounding', () => {
    fc.assert(
      fc.property(fc.bigInt(2n * ONE, 39n * ONE), (newWeight) => {
        const pair = { tokenIn: A, tokenOut: B };
        const before = pool.getSpotPriceSansFee(inner(raised), pair);
        const { state } = crp.updateWeight(raised, { token: A, newWeight }, alice);
        const after = pool.getSpotPriceSansFee(inner(state), pair);
        expect(v1.num.bdiff(before, after) <= 100n).toBe(true);
        expect(state.shares.totalSupply < raised.shares.totalSupply).toBe(true);
      }),
    );
  });
});

describe('a gradual change of weights', () => {
  const plan = { newWeights: [10n * ONE, 20n * ONE], startBlock: 1010n, endBlock: 1110n };
  const { state: planned } = crp.updateWeightsGradually(created, plan, alice);

  test.each<[string, () => unknown]>([
    [
      'ERR_GRADUAL_UPDATE_TIME_TRAVEL',
      () => crp.updateWeightsGradually(created, { ...plan, endBlock: 1000n }, alice),
    ],
    [
      'ERR_SUB_UNDERFLOW',
      () => crp.updateWeightsGradually(created, { ...plan, startBlock: 2000n }, alice),
    ],
    [
      'ERR_WEIGHT_CHANGE_TIME_BELOW_MIN',
      () => crp.updateWeightsGradually(created, { ...plan, endBlock: 1019n }, alice),
    ],
    [
      'ERR_START_WEIGHTS_MISMATCH',
      () => crp.updateWeightsGradually(created, { ...plan, newWeights: [ONE] }, alice),
    ],
    [
      'ERR_WEIGHT_ABOVE_MAX',
      () => crp.updateWeightsGradually(created, { ...plan, newWeights: [51n * ONE, ONE] }, alice),
    ],
    [
      'ERR_WEIGHT_BELOW_MIN',
      () => crp.updateWeightsGradually(created, { ...plan, newWeights: [ONE, 0n] }, alice),
    ],
    [
      'ERR_MAX_TOTAL_WEIGHT',
      () =>
        crp.updateWeightsGradually(created, { ...plan, newWeights: [30n * ONE, 30n * ONE] }, alice),
    ],
    ['ERR_CANT_POKE_YET', () => crp.pokeWeights(planned, bob)],
    [
      'ERR_NO_UPDATE_DURING_GRADUAL',
      () => crp.updateWeight(planned, { token: A, newWeight: ONE }, alice),
    ],
    ['ERR_NO_UPDATE_DURING_GRADUAL', () => crp.removeToken(planned, { token: A }, alice)],
    [
      'ERR_NO_UPDATE_DURING_GRADUAL',
      () => crp.commitAddToken(planned, { token: C, balance: ONE, denorm: ONE }, alice),
    ],
  ])('refuses: %s', (code, call) => expect(codeOf(call)).toBe(code));

  test('is monotone in the block and ends at the planned weights, poked by anyone', () => {
    const change = { start: 40n * ONE, end: 10n * ONE };
    let last = change.start;
    for (let block = plan.startBlock; block <= plan.endBlock; block++) {
      const weight = crp.weightAt(change, plan, block);
      expect(weight <= last).toBe(true);
      last = weight;
    }
    const { state } = crp.pokeWeights(planned, { sender: BOB, block: 5000n });
    expect(inner(state).tokens.map(({ denorm }) => denorm)).toEqual(plan.newWeights);
    expect(state.gradualUpdate).toBeNull();
  });

  test('does not depend on how often it was poked', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(1010n, 1109n), { maxLength: 5 }), (blocks) => {
        const pokes = [...blocks.toSorted((a, b) => Number(a - b)), 1060n].filter(
          (b) => b <= 1060n,
        );
        const often = pokes.reduce((s, block) => crp.pokeWeights(s, at(block)).state, planned);
        expect(inner(often).tokens).toEqual(
          inner(crp.pokeWeights(planned, at(1060n)).state).tokens,
        );
      }),
    );
  });

  test('does nothing when no change is planned', () => {
    expect(crp.pokeWeights(created, bob).state.pool).toEqual(created.pool);
  });
});

describe('tokens of a rights pool', () => {
  const light = createdCrp({
    bindings: EIGHTY_TWENTY.map(({ token, balance }) => ({ token, balance, denorm: 10n * ONE })),
  });
  const open = crp.setCap(light, { cap: MAX_UINT256 }, alice).state;
  const added = { token: D, balance: 500n * ONE, denorm: 5n * ONE };
  const { state: committed } = crp.commitAddToken(open, added, alice);

  test('are added after the time lock, for shares in the measure of their weight', () => {
    expect(codeOf(() => crp.applyAddToken(committed, at(1009n)))).toBe(
      'ERR_TIMELOCK_STILL_COUNTING',
    );
    const { state } = crp.applyAddToken(committed, at(1010n));
    expect(pool.getBalance(inner(state), D)).toBe(added.balance);
    expect(state.shares.totalSupply).toBe((open.shares.totalSupply * 5n) / 4n);
    expect(state.newToken).toBeNull();
  });

  test('wait for nothing else while one is committed', () => {
    const plan = { newWeights: [ONE, ONE], startBlock: 0n, endBlock: 9999n };
    expect(codeOf(() => crp.updateWeightsGradually(committed, plan, alice))).toBe(
      'ERR_PENDING_TOKEN_ADD',
    );
    expect(codeOf(() => crp.removeToken(committed, { token: A }, alice))).toBe(
      'ERR_REMOVE_WITH_ADD_PENDING',
    );
  });

  test('are removed for the shares of their weight, and their balance goes to the owner', () => {
    const { state, events } = crp.removeToken(open, { token: A }, alice);
    expect(pool.getCurrentTokens(inner(state))).toEqual([B]);
    expect(state.shares.totalSupply).toBe(open.shares.totalSupply / 2n);
    const paid = events.filter((event) => event.contract === A && event.type === 'Transfer');
    expect(paid.at(-1)).toMatchObject({ to: ALICE, amount: 8000n * ONE });
  });
});
