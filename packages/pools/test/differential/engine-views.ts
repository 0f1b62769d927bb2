/**
 * The views that steps ask the engine for, named as the steps are.
 *
 * @module
 */
import { divDown } from '../../src/math/fixed-point.ts';
import { poolValue } from '../../src/v2/trace.ts';
import * as views from '../../src/v2/views.ts';
import type { WorldState } from '../../src/v2/state.ts';
import type { Json, Outcome, PoolSpec, Step } from '../evm/scenario.ts';
import { asFields, asInteger, asList, asText } from '../evm/values.ts';
import { answerLiquidityQuotes } from './liquidity-quotes.ts';
import { answerPowers } from './powers.ts';
import { answerQuotes } from './quotes.ts';

/** What a view is asked about. */
export interface Asked {
  readonly state: WorldState;
  readonly pool: string;
  readonly spec: PoolSpec;
  /** The pool's registered tokens, by symbol. */
  readonly registered: readonly string[];
  readonly step: Step;
  readonly addressOf: (sym: string) => string;
}

type View = (asked: Asked) => Outcome;

const VARIABLES = ['PAIR_PRICE', 'BPT_PRICE', 'INVARIANT'] as const;

/** Views by name of the step. */
export const VIEWS: Readonly<Record<string, View>> = {
  getRate: ({ state, pool }) => ({ rate: String(views.getRate(state, pool)) }),
  getTracedRate({ state, pool }) {
    const { invariant, supply } = poolValue(views.getPool(state, pool), state);
    return { rate: String(divDown(invariant, supply)) };
  },
  getWeights: ({ state, pool }) => ({ weights: views.getWeights(state, pool).map(String) }),
  getSwapFee: ({ state, pool }) => ({ fee: String(views.getSwapFee(state, pool)) }),
  getInvariant: ({ state, pool }) => ({ invariant: String(views.getInvariant(state, pool)) }),
  getActualSupply: ({ state, pool }) => ({ supply: String(views.getActualSupply(state, pool)) }),
  getVirtualSupply: ({ state, pool }) => ({ supply: String(views.getVirtualSupply(state, pool)) }),
  getAmp({ state, pool }) {
    const { value, isUpdating } = views.getAmp(state, pool);
    return { value: String(value), isUpdating };
  },
  getCircuitBreaker({ state, pool, step, addressOf }) {
    const breaker = views.getCircuitBreaker(state, pool, addressOf(asText(step['token'])));
    return Object.fromEntries(Object.entries(breaker).map(([key, value]) => [key, String(value)]));
  },
  quotes: ({ state, pool, step }) => answerQuotes(state, pool, step),
  liquidityQuotes: ({ state, pool, ...asked }) => answerLiquidityQuotes(state, pool, asked),
  powers: ({ step }) => answerPowers(step),
  oracleLatest: ({ state, pool, step }) => ({
    value: String(views.getOracleLatest(state, pool, variableOf(step))),
  }),
  oracleTwap({ state, pool, step }) {
    const queries = queriesOf(step).map((query) => ({
      variable: variableOf(query),
      secs: asInteger(query['secs']),
      ago: asInteger(query['ago']),
    }));
    return { values: views.getOracleAverages(state, pool, queries).map(String) };
  },
  oracleAcc({ state, pool, step }) {
    const queries = queriesOf(step).map((query) => ({
      variable: variableOf(query),
      ago: asInteger(query['ago']),
    }));
    return { values: views.getOracleAccumulators(state, pool, queries).map(String) };
  },
  oracleSample: ({ state, pool, step }) => ({
    sample: sampleOf(state, pool, Number(asInteger(step['index']))),
  }),
  oracleMisc({ state, pool }) {
    const { logInvariant, logTotalSupply, sampleCreation, index, enabled } = views.oracleOf(
      state,
      pool,
    );
    const withFee = state.pools.get(pool)?.kind === 'weighted2tokens-1';
    return {
      logInvariant: String(logInvariant),
      logTotalSupply: String(logTotalSupply),
      sampleCreationTimestamp: String(sampleCreation),
      index: String(index),
      enabled,
      ...(withFee ? { swapFee: String(views.getSwapFee(state, pool)) } : {}),
    };
  },
};

/** A sample of the oracle's ring as the contracts list its fields. */
export function sampleOf(state: WorldState, pool: string, index: number): Json {
  const sample = views.getOracleSample(state, pool, index);
  return [
    sample.logPairPrice,
    sample.accLogPairPrice,
    sample.logBptPrice,
    sample.accLogBptPrice,
    sample.logInvariant,
    sample.accLogInvariant,
    sample.timestamp,
  ].map(String);
}

function queriesOf(step: Step): Readonly<Record<string, unknown>>[] {
  return asList(step['queries']).map(asFields);
}

function variableOf(query: Readonly<Record<string, unknown>>): (typeof VARIABLES)[number] {
  const variable = VARIABLES[Number(asInteger(query['variable']))];
  if (variable === undefined) throw new Error(`no oracle variable ${String(query['variable'])}`);
  return variable;
}
