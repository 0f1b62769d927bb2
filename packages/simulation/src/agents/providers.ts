/**
 * Liquidity providers, and the supply policy of an elastic token.
 *
 * @module
 */
import { rebaseFactor, type RebasePolicy, type ResyncMode } from '../elastic/rebase.ts';
import type { Agent, AgentContext, Order, View } from '../loop/types.ts';

const NOTHING: readonly Order[] = [];

export interface ProviderOptions {
  readonly name: string;
  readonly gas: number;
  /** Value of the join, quote. */
  readonly size: number;
  /** Token of single-asset joins and exits; null for all tokens in proportion. */
  readonly token: number | null;
  /** Steps of the join and of the exit; null for never. */
  readonly joinAt: number;
  readonly exitAt: number | null;
  /** Leaves when its value has fallen by this fraction from the join; null for never. */
  readonly drawdown: number | null;
  /** Leaves when fees a year fall below this fraction of its value, measured from the join; null for never. */
  readonly minYield: number | null;
}

/** Joins once, and leaves by schedule, drawdown or yield. */
export function providerAgent(options: ProviderOptions): Agent {
  const { name, gas, size, token, joinAt, exitAt, drawdown, minYield } = options;
  const act = (view: View, context: AgentContext): readonly Order[] => {
    const { step, pool, prices } = view;
    const { memory, wallet, stepsPerYear } = context;
    const value = valueOf(pool.balances, prices);
    const shares = wallet.at(-1)!;
    if (memory['joinedAt'] === undefined) {
      if (step < joinAt) return NOTHING;
      memory['joinedAt'] = step;
      memory['sharePrice'] = value / pool.supply;
      memory['held'] = [...pool.balances].map((balance) => balance / pool.supply);
      return token === null
        ? [{ do: 'join', shares: (size / value) * pool.supply }]
        : [{ do: 'joinSwap', token, amount: size / prices[token]! }];
    }
    if (shares <= 0) return NOTHING;
    const sharePrice = value / pool.supply;
    const before = memory['sharePrice'] as number;
    const held = (memory['held'] as number[]).reduce(
      (sum, amount, i) => sum + amount * prices[i]!,
      0,
    );
    const years = Math.max(1, step - (memory['joinedAt'] as number)) / stepsPerYear;
    const isOver =
      (exitAt !== null && step >= exitAt) ||
      (drawdown !== null && sharePrice < before * (1 - drawdown)) ||
      (minYield !== null && years > 1 / 52 && (sharePrice / held - 1) / years < minYield);
    if (!isOver) return NOTHING;
    return token === null ? [{ do: 'exit', shares }] : [{ do: 'exitSwap', token, shares }];
  };
  return { name, gas, act };
}

export interface RebaserOptions {
  readonly name: string;
  readonly token: number;
  readonly policy: RebasePolicy;
  /** Factors to use in turn instead of the policy; null for the policy. */
  readonly factors: readonly number[] | null;
  readonly everySeconds: number;
  readonly mode: ResyncMode;
  /** Of `late`: steps until the pool takes the rebase up. */
  readonly lateSteps: number;
}

/** Changes the supply of an elastic token once a period, and lets the pool follow in its mode. */
export function rebaserAgent(options: RebaserOptions): Agent {
  const { name, token, policy, factors, everySeconds, mode, lateSteps } = options;
  const act = ({ step, prices }: View, { memory, stepSeconds }: AgentContext): readonly Order[] => {
    const due = memory['gulpAt'] as number | undefined;
    if (due === step) {
      delete memory['gulpAt'];
      return [{ do: 'gulp', token }];
    }
    if (step % Math.max(1, Math.round(everySeconds / stepSeconds)) !== 0) return NOTHING;
    const count = ((memory['count'] as number | undefined) ?? 0) + 1;
    memory['count'] = count;
    const factor =
      factors === null ? rebaseFactor(prices[token]!, policy) : (factors[count - 1] ?? 1);
    if (factor === 1) return NOTHING;
    if (mode === 'late') memory['gulpAt'] = step + Math.max(1, lateSteps);
    const take = mode === 'gulpOnly' ? 'gulp' : mode === 'late' || mode === 'none' ? 'later' : mode;
    return [{ do: 'rebase', token, factor, take }];
  };
  return { name, gas: 0, isScheduled: true, act };
}

/** Value of balances at outside prices. */
export function valueOf(balances: ArrayLike<number>, prices: ArrayLike<number>): number {
  let value = 0;
  for (let i = 0; i < prices.length; i++) value += balances[i]! * prices[i]!;
  return value;
}
