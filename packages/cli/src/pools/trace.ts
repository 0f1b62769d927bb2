/**
 * Runs operations on a V2 pool and reports, change by change, what a pool token stands for. A change
 * after which it stands for less by more than rounding is flagged.
 *
 * @module
 */
import { InputError, v2 } from '@balancer/pools';
import { array, type Codec, object, oneOf, optional, tagged, text } from '@balancer/pools/json';
import { findToken, type OpenPool } from './open-pool.ts';
import { formatUnits, parseUnits } from './units.ts';
import { lendShares, TRADER } from './v2-pool.ts';

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
  readonly invariant: string;
  readonly supply: string;
  /** Relative change of the invariant per pool token. */
  readonly change: number;
  readonly drop: boolean;
}

/**
 * Runs all operations.
 *
 * @throws {Revert} When one reverts. @throws {InputError} When one is malformed.
 */
export function runTrace(
  { world, id, pool }: { world: v2.World; id: v2.PoolId; pool: OpenPool },
  steps: readonly TraceStep[],
): TraceLine[] {
  const fork = world.fork();
  lendShares(fork, v2.getPool(fork.state, id));
  let { state } = fork;
  return steps.flatMap((step, operation) => {
    const report = v2.trace(state, operationOf(step, pool, id, `[${operation}]`), world.hooks);
    state = report.state;
    const drops = new Set(v2.invariantDrop(report).map(({ index }) => index));
    return report.steps.map(({ index, before, after }) => ({
      operation,
      invariant: formatUnits(after.invariant, 18),
      supply: formatUnits(after.supply, 18),
      change: relativeChange(before, after),
      drop: drops.has(index),
    }));
  });
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
  path: string,
): v2.SwapOperation | v2.BatchSwapOperation | Extract<v2.WorldOperation, { do: 'warp' }> {
  if (step.do === 'warp') {
    return { do: 'warp', seconds: parseUnits(step.seconds, 0, `${path}.seconds`) };
  }
  const kind = step.given === 'out' ? 'GIVEN_OUT' : 'GIVEN_IN';
  const amountOf = (swap: { in: string; out: string; amount: string }, at: string): bigint => {
    const given = findToken(pool, kind === 'GIVEN_OUT' ? swap.out : swap.in, at);
    return parseUnits(swap.amount, given.decimals, `${at}.amount`);
  };
  if (step.do === 'swap') {
    return {
      do: 'swap',
      from: TRADER,
      pool: id,
      kind,
      tokenIn: findToken(pool, step.in, `${path}.in`).address,
      tokenOut: findToken(pool, step.out, `${path}.out`).address,
      amount: amountOf(step, path),
    };
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
