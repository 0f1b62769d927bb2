/**
 * Runs operations on a V2 pool and reports, change by change, what a pool token stands for. A change
 * after which it stands for less by more than rounding is flagged.
 *
 * @module
 */
import { InputError, v2 } from '@balancer/pools';
import { array, type Codec, object, oneOf, optional, tagged, text } from '@balancer/pools/json';
import { type ExplainedStep, findToken, type OpenPool, type Trade } from './open-pool.ts';
import { formatUnits, parseUnits } from './units.ts';
import { lendShares, openV2Pool, TRADER } from './v2-pool.ts';

/** One swap in decimal units; `given` says which side the amount is of, `in` when left out. */
export interface SwapStep {
  readonly do: 'swap';
  readonly in: string;
  readonly out: string;
  readonly amount: string;
  readonly given?: 'in' | 'out' | undefined;
}

/** Several swaps settled as one. */
interface BatchStep {
  readonly do: 'batchSwap';
  readonly given?: 'in' | 'out' | undefined;
  readonly steps: readonly Omit<SwapStep, 'do' | 'given'>[];
}

/** Passing time. */
interface WarpStep {
  readonly do: 'warp';
  readonly seconds: string;
}

export type TraceStep = SwapStep | BatchStep | WarpStep;

const AMOUNT = { in: text, out: text, amount: text };
const GIVEN = optional(oneOf('in', 'out'));

/** What a trace file holds. */
export const TRACE_STEPS: Codec<readonly TraceStep[]> = array(
  tagged<TraceStep>('do', {
    swap: object({ do: oneOf('swap'), ...AMOUNT, given: GIVEN }),
    batchSwap: object({ do: oneOf('batchSwap'), given: GIVEN, steps: array(object(AMOUNT)) }),
    warp: object({ do: oneOf('warp'), seconds: text }),
  }),
);

/** One change of the pool. */
export interface TraceLine {
  /** Index of the operation in the file. */
  readonly operation: number;
  /** What was swapped, in decimal units. */
  readonly in: { readonly token: string; readonly amount: string };
  readonly out: { readonly token: string; readonly amount: string };
  readonly invariant: string;
  readonly supply: string;
  /** Relative change of the invariant per pool token. */
  readonly change: number;
  readonly drop: boolean;
  /** Every rounding step, where they were asked for and the operation is a single swap. */
  readonly steps?: readonly ExplainedStep[];
}

/**
 * Runs all operations.
 *
 * @param explains - Whether single swaps come with their steps.
 * @throws {Revert} When one reverts. @throws {InputError} When one is malformed.
 */
export function runTrace(
  { world, id, pool }: { world: v2.World; id: v2.PoolId; pool: OpenPool },
  steps: readonly TraceStep[],
  explains: boolean,
): TraceLine[] {
  const fork = world.fork();
  lendShares(fork, v2.getPool(fork.state, id));
  return steps.flatMap((step, operation) => {
    const made = operationOf(step, pool, id, operation);
    const report = v2.trace(fork.state, made, world.hooks);
    const explained =
      explains && step.do === 'swap'
        ? { steps: openV2Pool(fork, id).explain(tradeOf(step, pool, operation)) }
        : {};
    fork.restore(report.state);
    const drops = new Set(v2.invariantDrop(report).map(({ index }) => index));
    const swaps = report.events.flatMap((event) => (event.type === 'Swap' ? [event] : []));
    const side = (token: string, amount: bigint): TraceLine['in'] => {
      const { symbol, decimals } = findToken(pool, token, `[${operation}]`);
      return { token: symbol, amount: formatUnits(amount, decimals) };
    };
    return report.steps.map(({ index, before, after }) => ({
      operation,
      in: side(swaps[index]!.tokenIn, swaps[index]!.amountIn),
      out: side(swaps[index]!.tokenOut, swaps[index]!.amountOut),
      invariant: formatUnits(after.invariant, 18),
      supply: formatUnits(after.supply, 18),
      change: relativeChange(before, after),
      drop: drops.has(index),
      ...explained,
    }));
  });
}

/** A swap of a trace file, as it is quoted. */
export function tradeOf(step: SwapStep, pool: OpenPool, operation: number): Trade {
  const path = `[${operation}]`;
  const tokenIn = findToken(pool, step.in, `${path}.in`);
  const tokenOut = findToken(pool, step.out, `${path}.out`);
  const given = step.given ?? 'in';
  const { decimals } = given === 'in' ? tokenIn : tokenOut;
  return { tokenIn, tokenOut, given, amount: parseUnits(step.amount, decimals, `${path}.amount`) };
}

function relativeChange(before: v2.PoolValue, after: v2.PoolValue): number {
  const den = before.invariant * after.supply;
  const num = after.invariant * before.supply - den;
  const size = v2.toNumber({ num: num < 0n ? -num : num, den });
  return num < 0n ? -size : size;
}

function operationOf(
  step: TraceStep,
  pool: OpenPool,
  id: v2.PoolId,
  operation: number,
): v2.SwapOperation | v2.BatchSwapOperation | Extract<v2.WorldOperation, { do: 'warp' }> {
  const path = `[${operation}]`;
  if (step.do === 'warp') {
    return { do: 'warp', seconds: parseUnits(step.seconds, 0, `${path}.seconds`) };
  }
  const kind = step.given === 'out' ? 'GIVEN_OUT' : 'GIVEN_IN';
  const amountOf = (swap: { in: string; out: string; amount: string }, at: string): bigint => {
    const given = findToken(pool, kind === 'GIVEN_OUT' ? swap.out : swap.in, at);
    return parseUnits(swap.amount, given.decimals, `${at}.amount`);
  };
  if (step.do === 'swap') {
    const { tokenIn, tokenOut, amount } = tradeOf(step, pool, operation);
    const pair = { tokenIn: tokenIn.address, tokenOut: tokenOut.address };
    return { do: 'swap', from: TRADER, pool: id, kind, ...pair, amount };
  }
  const all = [...pool.tokens, pool.share];
  const place = (name: string, at: string): number => all.indexOf(findToken(pool, name, at));
  if (step.steps.length === 0) throw new InputError(`${path}.steps`, 'must not be empty');
  return {
    do: 'batchSwap',
    from: TRADER,
    kind,
    assets: all.map(({ address }) => address),
    steps: step.steps.map((swap, i) => ({
      pool: id,
      assetIn: place(swap.in, `${path}.steps[${i}].in`),
      assetOut: place(swap.out, `${path}.steps[${i}].out`),
      amount: amountOf(swap, `${path}.steps[${i}]`),
    })),
  };
}
