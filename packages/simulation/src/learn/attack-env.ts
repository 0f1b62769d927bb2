/**
 * `attack`: the next step of a batch on a small pool of the exact engine. Where the pool's own token
 * can be swapped the episode starts in a batch that has already taken out nearly everything for pool
 * tokens that it owes; what the learner may find there is the rounding cliff.
 *
 * @module
 */
import { Revert, v2 } from '@balancer/pools';
import { Stream } from '../random/stream.ts';
import {
  type Env,
  EnvGuard,
  type ObservationField,
  type ResetOptions,
  type StepResult,
} from './env.ts';
import { Box, MultiDiscrete } from './spaces.ts';

export interface AttackEnvOptions {
  /** `composable` swaps its own token and has a rate; `weighted` has neither. */
  readonly pool: 'composable' | 'weighted';
  /** Steps that the learner may add. */
  readonly steps: number;
}

export const DEFAULT_ATTACK_ENV: AttackEnvOptions = { pool: 'composable', steps: 8 };

const OWNER = `0x${'a'.repeat(40)}`;
const ONE = 10n ** 18n;
/** What a step leaves of the token that it takes: units, then shares of the balance in hundredths. */
const LEAVES = [1n, 2n, 3n, 5n, 9n, 17n, 33n, 100n, 1000n] as const;
const LEAVE_SHARES = [1n, 10n, 50n, 90n] as const;
const EXITS_MAX = 40;
/** Digits of a balance that an observation tells apart. */
const DIGITS = 24;

export const ATTACK_FIELDS: readonly ObservationField[] = [
  { name: 'balance0', unit: 'decimal digits of the first token, raw units', low: 0, high: DIGITS },
  { name: 'balance1', unit: 'decimal digits of the second token, raw units', low: 0, high: DIGITS },
  { name: 'low0', unit: 'raw units of the first token, at most 40', low: 0, high: 40 },
  { name: 'low1', unit: 'raw units of the second token, at most 40', low: 0, high: 40 },
  { name: 'step', unit: 'part of the batch', low: 0, high: 1 },
];

interface BatchStep {
  readonly assetIn: number;
  readonly assetOut: number;
  readonly amount: bigint;
}

/**
 * Action: direction (first token for second, or back), and what is left of the token taken. Reward: the
 * part of the pool's value by which the pool tokens owed have become cheaper, in ten-thousandths; on a
 * pool without its own token among the assets, by which the invariant per share has fallen.
 */
export function attackEnv(options: AttackEnvOptions = DEFAULT_ATTACK_ENV): Env<number[]> {
  return new AttackEnv(options);
}

class AttackEnv implements Env<number[]> {
  readonly observationSpace: Box = new Box(
    ATTACK_FIELDS.map(({ low }) => low),
    ATTACK_FIELDS.map(({ high }) => high),
  );
  readonly actionSpace: MultiDiscrete = new MultiDiscrete([2, LEAVES.length + LEAVE_SHARES.length]);
  readonly fields = ATTACK_FIELDS;
  readonly #options: AttackEnvOptions;
  readonly #guard = new EnvGuard();
  readonly #world: { readonly state: v2.WorldState; readonly pool: v2.PoolId };
  readonly #assets: readonly string[];
  readonly #first: readonly bigint[];
  /** Places of the two tokens, and of the pool's own, -1 for none. */
  readonly #tokens: readonly [number, number];
  readonly #own: number;
  #batch: BatchStep[] = [];
  #balances: readonly bigint[] = [];
  #taken = 0;
  #fraction = 0;

  constructor(options: AttackEnvOptions) {
    this.#options = options;
    this.#world = options.pool === 'composable' ? composablePool() : weightedPool();
    const { state, pool } = this.#world;
    const { tokens, balances } = v2.getPoolTokens(state, pool);
    this.#assets = tokens;
    this.#first = balances;
    this.#own = tokens.indexOf(v2.getPool(state, pool).address);
    const others = tokens.flatMap((_token, i) => (i === this.#own ? [] : [i]));
    this.#tokens = [others[0]!, others[1]!];
  }

  reset({ seed }: ResetOptions): ReturnType<Env<number[]>['reset']> {
    this.#guard.started();
    this.#batch = this.#own < 0 ? [] : this.#exits(new Stream(seed, 'attack'));
    this.#taken = 0;
    this.#fraction = 0;
    this.#balances = this.#first;
    if (this.#batch.length > 0) this.#query();
    this.#fraction = 0;
    return { observation: this.#observe(), info: {} };
  }

  step(action: number[]): StepResult {
    this.#guard.requireStep(this.actionSpace, action);
    const [direction, place] = action as [number, number];
    const [assetIn, assetOut] =
      direction === 0 ? this.#tokens : ([this.#tokens[1], this.#tokens[0]] as const);
    const balance = this.#balances[assetOut]!;
    const leave = LEAVES[place] ?? (balance * LEAVE_SHARES[place - LEAVES.length]!) / 100n;
    const before = this.#fraction;
    let reverted = 0;
    this.#taken++;
    if (balance > leave) {
      this.#batch.push({ assetIn, assetOut, amount: balance - leave });
      if (!this.#query()) {
        this.#batch.pop();
        reverted = 1;
      }
    }
    const terminated = this.#taken >= this.#options.steps;
    if (terminated) this.#guard.ended();
    return {
      observation: this.#observe(),
      reward: (this.#fraction - before) * 1e4,
      terminated,
      truncated: false,
      info: { reverted, fraction: this.#fraction },
    };
  }

  close(): void {
    this.#guard.close();
  }

  /** Runs the whole batch. @returns False when it reverts; nothing has changed then. */
  #query(): boolean {
    const { state, pool } = this.#world;
    try {
      const report = v2.trace(state, {
        do: 'queryBatchSwap',
        from: OWNER,
        kind: 'GIVEN_OUT',
        assets: this.#assets,
        steps: this.#batch.map((step) => ({ pool, ...step })),
      });
      this.#balances = this.#first.map((balance, i) => balance + report.result.assetDeltas[i]!);
      this.#fraction =
        1 - v2.invariantDrop(report).reduce((kept, drop) => kept * (1 - drop.fraction), 1);
      return true;
    } catch (error) {
      if (error instanceof Revert) return false;
      throw error;
    }
  }

  /** Exits for pool tokens, each of nearly everything, down to some units that the seed decides. */
  #exits(stream: Stream): BatchStep[] {
    const dust = 10n ** BigInt(2 + stream.below(4)) * BigInt(1 + stream.below(9));
    const left = [...this.#first];
    const steps: BatchStep[] = [];
    for (let i = 0; i < EXITS_MAX; i++) {
      const assetOut = this.#tokens[i % 2]!;
      if (left[assetOut]! <= dust) continue;
      const most = (left[assetOut]! * 99n) / 100n;
      const amount = left[assetOut]! - most < dust ? left[assetOut]! - dust : most;
      left[assetOut] = left[assetOut]! - amount;
      steps.push({ assetIn: this.#own, assetOut, amount });
    }
    return steps;
  }

  #observe(): Float64Array {
    const [a, b] = this.#tokens.map((token) => this.#balances[token]!);
    return Float64Array.of(
      Math.min(DIGITS, a!.toString().length),
      Math.min(DIGITS, b!.toString().length),
      Math.min(40, Number(a)),
      Math.min(40, Number(b)),
      this.#taken / this.#options.steps,
    );
  }
}

/** Two tokens, the second with a rate; amplification 100, fee 0.01 %. */
function composablePool(): { state: v2.WorldState; pool: v2.PoolId } {
  const world = v2.createWorld({ time: 1_700_000_000n, block: 1000n });
  const tokens = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
  const provider = world.createRateProvider({ rate: 1_058_132_408_689_971_699n });
  const pool = world.createPool({
    kind: 'composable-3',
    tokens,
    amp: 100n,
    swapFee: 10n ** 14n,
    owner: OWNER,
    rateProviders: [null, provider],
    rateCacheDurations: [0n, 0n],
  });
  world.join({ pool, sender: OWNER, kind: 'INIT', amounts: [7810n * ONE, 5329n * ONE] });
  return { state: world.state, pool };
}

/** Two tokens of some units each, half and half. */
function weightedPool(): { state: v2.WorldState; pool: v2.PoolId } {
  const world = v2.createWorld({ time: 1n, block: 1n });
  const tokens = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
  const weights = [ONE / 2n, ONE / 2n];
  const pool = world.createPool({
    kind: 'weighted-3',
    tokens,
    weights,
    swapFee: 10n ** 14n,
    owner: OWNER,
  });
  world.join({ pool, sender: OWNER, kind: 'INIT', amounts: [10n ** 7n, 10n ** 7n] });
  return { state: world.state, pool };
}
