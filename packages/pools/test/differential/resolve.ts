/**
 * Turns a planned operation into a concrete step for the state that the scenario has reached: mostly
 * sensible amounts, often amounts at a limit, now and then nonsense that has to revert.
 *
 * @module
 */
import type { Outcome, Scenario, Step } from '../evm/scenario.ts';
import { Dice } from './dice.ts';
import { liquidityQuotes } from './liquidity-quotes.ts';
import { powers } from './powers.ts';
import { quotes } from './quotes.ts';
import { type Operation, supports } from './operations.ts';
import type { PlannedStep } from './plan.ts';
import {
  warp,
  setRate,
  rateCache,
  ampRamp,
  weightRamp,
  feeRamp,
  managementFees,
  setSwapFee,
  swapEnabled,
  read,
  oracle,
  targets,
  wrappedRate,
  aum,
  breakers,
  tokenChange,
  allowlist,
  pause,
  recovery,
  protocolFee,
} from './settings.ts';
import { isLinear, type Situation, viewOf } from './situation.ts';
import {
  join,
  exit,
  swap,
  batchSwap,
  query,
  userBalance,
  flashLoan,
  poolBalance,
  relayer,
} from './trades.ts';

/** The concrete step of a planned one. `time` is that of the chain. */
export function resolve(
  planned: PlannedStep,
  scenario: Scenario,
  state: Outcome,
  time: bigint,
): Step {
  const dice = new Dice(planned.numbers);
  const { operation } = planned;
  const able = scenario.pools.filter((spec) => supports(spec.type, operation));
  const pool = viewOf(dice.pick(able), state);
  const situation = { scenario, state, time, dice, pool };
  // Most of what can be done with an empty pool is the same revert, so it is mostly filled first.
  // What queries and exits of an empty pool revert with is an accident of the order of its arithmetic.
  if (pool.supply === 0n && (NEEDS_FILLING.has(operation) || !dice.onceIn(12))) {
    return fill(situation);
  }
  return RESOLVERS[operation](situation);
}

const NEEDS_FILLING: ReadonlySet<Operation> = new Set([
  'query',
  'exit',
  'quotes',
  'liquidityQuotes',
]);

function fill({ dice, pool, scenario }: Situation): Step {
  if (isLinear(pool)) return { do: 'initializeLinear', pool: pool.spec.name };
  const even = pool.spec.amp !== undefined;
  const level = dice.below(9);
  const amounts = pool.spec.tokens.map((sym) => {
    const { decimals } = scenario.tokens.find((token) => token.sym === sym)!;
    const unit = 10n ** BigInt(decimals);
    const tokens = 10n ** BigInt(even ? level : dice.below(9));
    return String(dice.magnitude(unit * tokens, unit * tokens * 100n));
  });
  return { do: 'join', pool: pool.spec.name, kind: 'INIT', amounts };
}

const RESOLVERS: Readonly<Record<Operation, (situation: Situation) => Step>> = {
  swap,
  join,
  exit,
  batchSwap,
  query,
  quotes,
  liquidityQuotes,
  powers,
  warp,
  setRate,
  rateCache,
  ampRamp,
  weightRamp,
  feeRamp,
  swapFee: setSwapFee,
  swapEnabled,
  read,
  oracle,
  targets,
  wrappedRate,
  aum,
  breakers,
  tokens: tokenChange,
  allowlist,
  pause,
  recovery,
  protocolFee,
  userBalance,
  flashLoan,
  poolBalance,
  relayer,
  managementFees,
};
