/**
 * The steps of a V2 scenario: what each one runs, and what it records.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import type { Json } from '../json.ts';
import { mulUp } from '../math/fixed-point.ts';
import type { OracleVariable } from '../v2/oracle.ts';
import type { BatchSwapStep, LiquidityResult } from '../v2/operations.ts';
import type { ExitRequest, JoinRequest, SwapKind } from '../v2/requests.ts';
import type { Address, PoolId } from '../v2/state.ts';
import * as views from '../v2/views.ts';
import { withStrings } from './case.ts';
import {
  asMembers,
  asText,
  integer,
  integers,
  list,
  mainFactor,
  type NamedWorld,
} from './v2-scenario.ts';

type Members = { readonly [name: string]: Json };
type Run = (named: NamedWorld, step: Members) => unknown;

const VARIABLES: readonly OracleVariable[] = ['PAIR_PRICE', 'BPT_PRICE', 'INVARIANT'];

const STEPS: Readonly<Record<string, Run>> = {
  warp({ world }, step) {
    world.warp({ seconds: integer(step, 'seconds', '0'), blocks: integer(step, 'blocks', '0') });
  },

  join(named, step) {
    const request = requestOf(step, ['minBpt']) as unknown as JoinRequest;
    return liquidity(named.world.join({ ...call(named, step), request }));
  },
  exit(named, step) {
    const request = requestOf(step, ['maxBpt']) as unknown as ExitRequest;
    return liquidity(named.world.exit({ ...call(named, step), request }));
  },

  swap(named, step) {
    const { world } = named;
    const amountCalculated = world.swap({
      ...call(named, step),
      kind: kindOf(step),
      tokenIn: tokenOf(named, step['in']),
      tokenOut: tokenOf(named, step['out']),
      amount: integer(step, 'amount'),
      ...limits(step, ['limit', 'deadline']),
      fromInternalBalance: step['fromInternal'] === true,
      toInternalBalance: step['toInternal'] === true,
    });
    return { amountCalculated, internal: internalBalances(named) };
  },
  batchSwap(named, step) {
    const { events, result } = named.world.run({
      do: 'batchSwap',
      from: actorOf(named, step['from']),
      ...batch(named, step),
      ...limits(step, ['deadline']),
      ...(step['limits'] === undefined ? {} : { limits: integers(step, 'limits')! }),
    });
    const swaps = events.flatMap((event) =>
      event.type === 'Swap'
        ? [
            {
              tokenIn: nameOf(named, event.tokenIn),
              tokenOut: nameOf(named, event.tokenOut),
              amountIn: event.amountIn,
              amountOut: event.amountOut,
            },
          ]
        : [],
    );
    return { assetDeltas: result.assetDeltas, swaps };
  },
  queryBatchSwap(named, step) {
    const from = actorOf(named, step['from']);
    return named.world.run({ do: 'queryBatchSwap', from, ...batch(named, step) }).result;
  },

  manageUserBalance(named, step) {
    const ops = list(step, 'ops').map((entry) => {
      const op = asMembers(entry, 'ops');
      return {
        kind: asText(op['kind'], 'kind') as 'DEPOSIT_INTERNAL',
        asset: tokenOf(named, op['token']),
        amount: integer(op, 'amount'),
        sender: actorOf(named, op['sender'] ?? step['from']),
        recipient: actorOf(named, op['recipient'] ?? op['sender'] ?? step['from']),
      };
    });
    const from = actorOf(named, step['from']);
    named.world.run({ do: 'manageUserBalance', from, ops, value: integer(step, 'value', '0') });
    return { internal: internalBalances(named) };
  },
  flashLoan(named, step) {
    const tokens = list(step, 'tokens').map((token) => tokenOf(named, token));
    const amounts = integers(step, 'amounts')!;
    const percentage = named.world.state.vault.fees.flashLoan;
    const extra = integer(step, 'extra', '0');
    const repayments = amounts.map((amount) =>
      step['repay'] === false ? 0n : amount + mulUp(amount, percentage) + extra,
    );
    const from = actorOf(named, step['from']);
    const { loans } = named.world.run({
      do: 'flashLoan',
      from,
      tokens,
      amounts,
      repayments,
    }).result;
    return {
      loans: loans.map(({ token, amount, feeAmount }) => ({
        token: nameOf(named, token),
        amount,
        feeAmount,
      })),
    };
  },
  managePoolBalance(named, step) {
    const ops = list(step, 'ops').map((entry) => {
      const op = asMembers(entry, 'ops');
      return {
        kind: asText(op['kind'], 'kind') as 'WITHDRAW',
        pool: poolOf(named, op),
        token: tokenOf(named, op['token']),
        amount: integer(op, 'amount'),
      };
    });
    const from = actorOf(named, step['from']);
    const { events } = named.world.run({ do: 'managePoolBalance', from, ops });
    return {
      events: events.flatMap((event) => {
        if (event.type !== 'PoolBalanceManaged') return [];
        const { token, cashDelta, managedDelta } = event;
        return [{ token: nameOf(named, token), cashDelta, managedDelta }];
      }),
      info: ops.map(({ pool, token }) => {
        const info = views.getPoolTokenInfo(named.world.state, pool, token);
        const { cash, managed, lastChangeBlock } = info;
        return { token: nameOf(named, token), cash, managed, lastChangeBlock };
      }),
    };
  },

  setRate({ world, tokens, pools }, step) {
    const pool = views.getPool(world.state, pools.get(asText(step['pool'], 'pool'))!);
    const token = tokens.get(asText(step['token'], 'token'))!;
    const rate = integer(step, 'rate');
    let provider: Address | null = null;
    if (pool.family === 'weighted') {
      provider = pool.rateProviders[pool.tokens.indexOf(token)] ?? null;
    } else if (pool.family === 'stable' || pool.family === 'composable') {
      const own = pool.tokens.filter((other) => other !== pool.address);
      provider = pool.rates[own.indexOf(token)]?.provider ?? null;
    }
    if (provider === null) throw new InputError('token', 'has no rate provider in this pool');
    world.run({ do: 'setRate', provider, rate });
  },
  setWrappedRate({ world, pools, members }, step) {
    for (const id of pools.values()) {
      const pool = views.getPool(world.state, id);
      if (pool.family !== 'linear' || pool.wrappedRateProvider === null) continue;
      const rate = integer(step, 'rate') * mainFactor(members);
      world.run({ do: 'setRate', provider: pool.wrappedRateProvider, rate });
    }
  },

  setPaused(named, step) {
    const pool = step['pool'] === undefined ? {} : { pool: poolOf(named, step) };
    const from = actorOf(named, step['from']);
    named.world.run({ do: 'setPaused', from, paused: step['paused'] === true, ...pool });
  },
  setSwapFee(named, step) {
    named.world.run({ do: 'setSwapFee', ...call(named, step), swapFee: integer(step, 'fee') });
  },
  startAmpUpdate(named, step) {
    const [amp, endTime] = [integer(step, 'amp'), integer(step, 'endTime')];
    named.world.run({ do: 'startAmpUpdate', ...call(named, step), amp, endTime });
  },
  initializeLinear(named, step) {
    named.world.run({ do: 'initializeLinear', ...call(named, step) });
  },
  setTargets(named, step) {
    const [lower, upper] = [integer(step, 'lower'), integer(step, 'upper')];
    named.world.run({ do: 'setTargets', ...call(named, step), lower, upper });
  },
  updateWeightsGradually(named, step) {
    named.world.run({
      do: 'updateWeightsGradually',
      ...call(named, step),
      startTime: integer(step, 'startTime'),
      endTime: integer(step, 'endTime'),
      endWeights: integers(step, 'endWeights')!,
    });
    return { weights: views.getWeights(named.world.state, poolOf(named, step)) };
  },
  updateWeightsGraduallyManaged(named, step) {
    const tokens = list(step, 'tokens').map((token) => tokenOf(named, token));
    named.world.run({
      do: 'updateWeightsGradually',
      ...call(named, step),
      startTime: integer(step, 'startTime'),
      endTime: integer(step, 'endTime'),
      tokens,
      endWeights: integers(step, 'endWeights')!,
    });
    return { weights: views.getWeights(named.world.state, poolOf(named, step)) };
  },
  updateSwapFeeGradually(named, step) {
    named.world.run({
      do: 'updateSwapFeeGradually',
      ...call(named, step),
      startTime: integer(step, 'startTime'),
      endTime: integer(step, 'endTime'),
      startFee: integer(step, 'startFee'),
      endFee: integer(step, 'endFee'),
    });
  },
  collectAumManagementFees(named, step) {
    return named.world.run({ do: 'collectAumManagementFees', ...call(named, step) }).result;
  },
  setCircuitBreakers(named, step) {
    named.world.run({
      do: 'setCircuitBreakers',
      ...call(named, step),
      tokens: list(step, 'tokens').map((token) => tokenOf(named, token)),
      bptPrices: integers(step, 'bptPrices')!,
      lower: integers(step, 'lower')!,
      upper: integers(step, 'upper')!,
    });
  },

  getAmp: (named, step) => views.getAmp(named.world.state, poolOf(named, step)),
  getRate: (named, step) => ({ rate: views.getRate(named.world.state, poolOf(named, step)) }),
  getWeights: (named, step) => ({
    weights: views.getWeights(named.world.state, poolOf(named, step)),
  }),
  getSwapFee: (named, step) => ({ fee: views.getSwapFee(named.world.state, poolOf(named, step)) }),
  getCircuitBreaker: (named, step) =>
    views.getCircuitBreaker(named.world.state, poolOf(named, step), tokenOf(named, step['token'])),

  oracleLatest: (named, step) => ({
    value: views.getOracleLatest(named.world.state, poolOf(named, step), variableOf(step)),
  }),
  oracleTwap(named, step) {
    const queries = list(step, 'queries').map((entry) => {
      const query = asMembers(entry, 'queries');
      return {
        variable: variableOf(query),
        secs: integer(query, 'secs'),
        ago: integer(query, 'ago'),
      };
    });
    return { values: views.getOracleAverages(named.world.state, poolOf(named, step), queries) };
  },
  oracleAcc(named, step) {
    const queries = list(step, 'queries').map((entry) => {
      const query = asMembers(entry, 'queries');
      return { variable: variableOf(query), ago: integer(query, 'ago') };
    });
    return { values: views.getOracleAccumulators(named.world.state, poolOf(named, step), queries) };
  },
  oracleSample(named, step) {
    const index = Number(integer(step, 'index'));
    const sample = views.getOracleSample(named.world.state, poolOf(named, step), index);
    return {
      sample: [
        sample.logPairPrice,
        sample.accLogPairPrice,
        sample.logBptPrice,
        sample.accLogBptPrice,
        sample.logInvariant,
        sample.accLogInvariant,
        sample.timestamp,
      ],
    };
  },
  oracleMisc(named, step) {
    const { state } = named.world;
    const oracle = views.oracleOf(state, poolOf(named, step));
    return {
      logInvariant: oracle.logInvariant,
      logTotalSupply: oracle.logTotalSupply,
      sampleCreationTimestamp: oracle.sampleCreation,
      index: BigInt(oracle.index),
      enabled: oracle.enabled,
      swapFee: views.getSwapFee(state, poolOf(named, step)),
    };
  },
  pump(named, step) {
    const pool = views.getPool(named.world.state, poolOf(named, step));
    const [first, second] = pool.tokens as [Address, Address];
    let lastAmountOut = 0n;
    for (let i = 0; i < Number(step['count']); i++) {
      named.world.warp({ seconds: integer(step, 'seconds'), blocks: integer(step, 'blocks') });
      const isForward = i % 2 === 0;
      lastAmountOut = named.world.swap({
        ...call(named, step),
        kind: 'GIVEN_IN',
        tokenIn: isForward ? first : second,
        tokenOut: isForward ? second : first,
        amount: integer(step, isForward ? 'amountA' : 'amountB'),
      });
    }
    return { lastAmountOut };
  },
};

/** Runs a step and gives what it records. @throws {Revert} What it reverts with. */
export function runV2Step(named: NamedWorld, step: Members): Json {
  const name = asText(step['do'], 'do');
  const run = Object.hasOwn(STEPS, name) ? STEPS[name] : undefined;
  if (run === undefined) throw new InputError('do', `"${name}" is no known step`);
  return withStrings(run(named, step) ?? {});
}

/** The state of the pool that a step names, or of the only one. */
export function stateOf(named: NamedWorld, step: Members): Json | null {
  const only = named.pools.size === 1 ? [...named.pools.keys()][0]! : null;
  const name = typeof step['pool'] === 'string' ? step['pool'] : only;
  const id = name === null ? undefined : named.pools.get(name);
  if (id === undefined) return null;

  const { state } = named.world;
  const pool = views.getPool(state, id);
  const { tokens, balances, lastChangeBlock } = views.getPoolTokens(state, id);
  const lastInvariant = 'lastInvariant' in pool ? pool.lastInvariant : undefined;
  return withStrings({
    tokens: tokens.map((token) => nameOf(named, token)),
    balances,
    lastChangeBlock,
    totalSupply: pool.totalSupply,
    collectorBpt: views.balanceOf(state, pool.address, state.vault.collector),
    ownerBpt: views.balanceOf(state, pool.address, pool.owner),
    lastInvariant,
    lastPostJoinExitInvariant: lastInvariant,
    athRateProduct: pool.family === 'weighted' ? pool.athRateProduct : undefined,
    lastJoinExitAmp: pool.family === 'composable' ? pool.lastAmp : undefined,
  });
}

function call(named: NamedWorld, step: Members): { from: Address; pool: PoolId } {
  return { from: actorOf(named, step['from']), pool: poolOf(named, step) };
}

function batch(
  named: NamedWorld,
  step: Members,
): { kind: SwapKind; assets: readonly Address[]; steps: readonly BatchSwapStep[] } {
  return {
    kind: kindOf(step),
    assets: list(step, 'assets').map((asset) => tokenOf(named, asset)),
    steps: list(step, 'steps').map((entry) => {
      const hop = asMembers(entry, 'steps');
      return {
        pool: poolOf(named, hop),
        assetIn: Number(hop['in']),
        assetOut: Number(hop['out']),
        amount: integer(hop, 'amount'),
      };
    }),
  };
}

function requestOf(step: Members, limitNames: readonly string[]): Record<string, unknown> {
  return {
    kind: asText(step['kind'], 'kind'),
    ...(step['amounts'] === undefined ? {} : { amounts: integers(step, 'amounts') }),
    ...(step['bpt'] === undefined ? {} : { bpt: integer(step, 'bpt') }),
    ...(step['index'] === undefined ? {} : { index: Number(step['index']) }),
    ...limits(step, limitNames),
  };
}

function limits(step: Members, names: readonly string[]): Record<string, bigint> {
  const given = names.filter((name) => step[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, integer(step, name)]));
}

function liquidity({ deltas, protocolFeeAmounts }: LiquidityResult): unknown {
  return { deltas, protocolFeeAmounts };
}

function internalBalances(named: NamedWorld): Record<string, readonly bigint[]> {
  const symbols = list(named.members, 'tokens').map((token) => asMembers(token, 'tokens')['sym']);
  const balances = (name: string): bigint[] =>
    symbols.map((symbol) =>
      views.internalBalanceOf(named.world.state, actorOf(named, name), tokenOf(named, symbol)),
    );
  return { alice: balances('alice'), bob: balances('bob') };
}

function kindOf(step: Members): SwapKind {
  return asText(step['kind'], 'kind') as SwapKind;
}

function variableOf(step: Members): OracleVariable {
  return VARIABLES[Number(step['variable'])] ?? 'PAIR_PRICE';
}

function actorOf(named: NamedWorld, name: Json | undefined): Address {
  const actor = asText(name ?? 'alice', 'from');
  const account = named.accounts.get(actor);
  if (account === undefined) throw new InputError('from', `"${actor}" is no account`);
  return account;
}

function poolOf(named: NamedWorld, step: Members): PoolId {
  const name = asText(step['pool'], 'pool');
  const id = named.pools.get(name);
  if (id === undefined) throw new InputError('pool', `"${name}" is no pool of this scenario`);
  return id;
}

function tokenOf(named: NamedWorld, name: Json | undefined): Address {
  const symbol = asText(name, 'token');
  const token = named.tokens.get(symbol);
  if (token === undefined)
    throw new InputError('token', `"${symbol}" is no token of this scenario`);
  return token;
}

function nameOf(named: NamedWorld, address: Address): string {
  for (const [name, token] of named.tokens) if (token === address && name !== 'ETH') return name;
  return address;
}
