/**
 * Price processes of one token against the quote currency. A process takes the price before a step
 * and one normal and gives the price after it; what else it draws comes from the same stream after
 * the normals of all tokens.
 *
 * Sources: R. C. Merton, "Option pricing when underlying stock returns are discontinuous", Journal
 * of Financial Economics 3, 1976; D. T. Gillespie, "Exact numerical simulation of the
 * Ornstein-Uhlenbeck process and its integral", Physical Review E 54, 1996; T. Bollerslev,
 * "Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31, 1986.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import type { Stream } from '../random/stream.ts';

/** One token's process; times in years, rates per year. */
export interface TokenProcess {
  /** The price after a step. `z` is the step's standard normal, correlated with the other tokens'. */
  next(price: number, z: number, stream: Stream): number;
  /** What changes from step to step, as plain numbers. */
  save(): readonly number[];
  restore(state: readonly number[]): void;
}

export interface GbmParameters {
  /** Drift a year. */
  readonly mu: number;
  /** Volatility of log returns, per square root of a year. */
  readonly sigma: number;
}
export interface MertonParameters extends GbmParameters {
  /** Jumps a year. */
  readonly lambda: number;
  /** Mean and standard deviation of the logarithm of a jump. */
  readonly jumpMean: number;
  readonly jumpSd: number;
}
export interface OuLogParameters {
  /** Price to which the logarithm returns. */
  readonly mean: number;
  /** Speed of the return, a year. */
  readonly kappa: number;
  readonly sigma: number;
}
export interface GarchParameters {
  readonly mu: number;
  /** Variance of a step's log return: omega + alpha r^2 + beta v, starting at omega / (1 - alpha - beta). */
  readonly omega: number;
  readonly alpha: number;
  readonly beta: number;
}

const STATELESS = { save: (): readonly number[] => [], restore: (): void => {} };

/** Geometric Brownian motion: S exp((mu - sigma^2 / 2) dt + sigma sqrt(dt) z). */
export function gbm({ mu, sigma }: GbmParameters, dt: number): TokenProcess {
  const drift = (mu - (sigma * sigma) / 2) * dt;
  const scale = sigma * Math.sqrt(dt);
  return { ...STATELESS, next: (price, z) => price * Math.exp(drift + scale * z) };
}

/** Jump diffusion; the drift makes up for the mean of the jumps. */
export function merton(parameters: MertonParameters, dt: number): TokenProcess {
  const { mu, sigma, lambda, jumpMean, jumpSd } = parameters;
  const meanJump = Math.exp(jumpMean + (jumpSd * jumpSd) / 2) - 1;
  const drift = (mu - (sigma * sigma) / 2 - lambda * meanJump) * dt;
  const scale = sigma * Math.sqrt(dt);
  return {
    ...STATELESS,
    next(price, z, stream) {
      let logReturn = drift + scale * z;
      const jumps = stream.poisson(lambda * dt);
      for (let i = 0; i < jumps; i++) logReturn += jumpMean + jumpSd * stream.normal();
      return price * Math.exp(logReturn);
    },
  };
}

/** Mean reversion of the logarithm, with the exact transition over a step. */
export function ouLog({ mean, kappa, sigma }: OuLogParameters, dt: number): TokenProcess {
  const level = Math.log(mean);
  const decay = Math.exp(-kappa * dt);
  const scale = sigma * Math.sqrt((1 - Math.exp(-2 * kappa * dt)) / (2 * kappa));
  return {
    ...STATELESS,
    next: (price, z) => Math.exp(level + (Math.log(price) - level) * decay + scale * z),
  };
}

/** Volatility that clusters: GARCH(1, 1) on the log returns of steps. */
export function garch({ mu, omega, alpha, beta }: GarchParameters, dt: number): TokenProcess {
  if (alpha + beta >= 1) {
    throw new SimulationError(`garch: alpha + beta must be below 1; got ${alpha + beta}`);
  }
  let variance = omega / (1 - alpha - beta);
  return {
    next(price, z) {
      const shock = Math.sqrt(variance) * z;
      const logReturn = mu * dt - variance / 2 + shock;
      variance = omega + alpha * shock * shock + beta * variance;
      return price * Math.exp(logReturn);
    },
    save: () => [variance],
    restore: ([saved]) => (variance = saved!),
  };
}

/**
 * A Markov chain of processes: the present one makes the step, then a uniform draw chooses the next.
 *
 * @param transition - Row i holds the probabilities of going from i; each row sums to 1.
 */
export function regime(
  processes: readonly TokenProcess[],
  transition: readonly (readonly number[])[],
): TokenProcess {
  if (transition.length !== processes.length) {
    throw new SimulationError(
      `regime: transition must have ${processes.length} rows, one per process; has ${transition.length}`,
    );
  }
  transition.forEach((row, i) => {
    const sum = row.reduce((total, value) => total + value, 0);
    if (row.length !== processes.length || Math.abs(sum - 1) > 1e-9 || row.some((p) => p < 0)) {
      throw new SimulationError(
        `regime: transition[${i}] must be ${processes.length} probabilities that sum to 1; got ${row.join(', ')}`,
      );
    }
  });
  let current = 0;
  return {
    next(price, z, stream) {
      const after = processes[current]!.next(price, z, stream);
      let left = stream.uniform();
      const row = transition[current]!;
      let to = 0;
      while (to < row.length - 1 && left >= row[to]!) left -= row[to++]!;
      current = to;
      return after;
    },
    save: () => [
      current,
      ...processes.flatMap((process) => [process.save().length, ...process.save()]),
    ],
    restore(state) {
      current = state[0]!;
      let at = 1;
      for (const process of processes) {
        const count = state[at]!;
        process.restore(state.slice(at + 1, at + 1 + count));
        at += 1 + count;
      }
    },
  };
}

/**
 * Indexes of a stationary bootstrap: the first at random, then with probability 1 / meanBlock a
 * fresh one, else the next, wrapping at the end.
 *
 * Source: D. N. Politis, J. P. Romano, "The stationary bootstrap", JASA 89, 1994.
 */
export class BootstrapIndex {
  readonly #count: number;
  readonly #freshProbability: number;
  #index = -1;

  constructor(count: number, meanBlock: number) {
    if (count < 1) throw new SimulationError('bootstrap: the source has no returns');
    if (!(meanBlock >= 1)) {
      throw new SimulationError(`bootstrap: meanBlock must be at least 1; got ${meanBlock}`);
    }
    this.#count = count;
    this.#freshProbability = 1 / meanBlock;
  }

  next(stream: Stream): number {
    const isFresh = this.#index < 0 || stream.uniform() < this.#freshProbability;
    this.#index = isFresh ? stream.below(this.#count) : (this.#index + 1) % this.#count;
    return this.#index;
  }

  get index(): number {
    return this.#index;
  }
  set index(value: number) {
    this.#index = value;
  }
}
