/**
 * Float64 twin of a pool: the formulas of the engine's float face, with the limits of the contracts.
 *
 * Joins and exits of one token follow the closed forms of weighted pools; stable pools solve theirs
 * through the invariant. The protocol's share of a fee leaves the balances at the swap, which V2
 * pools of later kinds do at the next join or exit.
 *
 * @module
 */
import { float } from '@balancer/pools';
import { toUnits } from '../records/decimal.ts';
import { ratedBalances, ratesOf, stableSpot } from './rates.ts';
import type { SimPool } from './sim-pool.ts';
import { familyOf, hasMovableWeights, isV1, type PoolFamily, type PoolSpec } from './spec.ts';

const V1_MAX_IN = 0.5;
const V1_MAX_OUT = 1 / 3;
const V2_MAX_RATIO = 0.3;
const V2_MIN_WEIGHT = 0.01;
const V1_DENORM_MIN = 1;
const V1_DENORM_MAX = 50;
const FEE_MAX = 0.1;
const V1_FEE_MIN = 1e-6;
const DAY_SECONDS = 86_400;

interface Ramp {
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly start: number;
  readonly end: number;
}

interface State {
  readonly balances: Float64Array;
  readonly held: Float64Array;
  readonly weights: Float64Array;
  readonly numbers: readonly [swapFee: number, amp: number, supply: number, time: number];
  readonly weightRamp: Ramp | null;
  readonly ampRamp: Ramp | null;
}

export class FloatPool implements SimPool {
  readonly mode = 'float';
  readonly spec: PoolSpec;
  readonly family: PoolFamily;
  readonly balances: Float64Array;
  readonly weights: Float64Array;
  readonly held: Float64Array;
  readonly #rates: Float64Array;
  readonly #denormSum: number;
  readonly #isV1: boolean;
  readonly #protocolFee: number;
  // fee, amplification, supply, time: a typed array, because fields are boxed on each write.
  readonly #numbers: Float64Array;
  #weightRamp: Ramp | null = null;
  #ampRamp: Ramp | null = null;
  refusal: string | null = null;

  constructor(spec: PoolSpec, startTime: number) {
    this.spec = spec;
    this.family = familyOf(spec.kind);
    this.#isV1 = isV1(spec.kind);
    this.balances = Float64Array.from(spec.tokens, ({ balance, decimals }) =>
      toUnits(balance, decimals),
    );
    this.held = this.balances.slice();
    this.#rates = ratesOf(spec);
    const raw = Float64Array.from(spec.tokens, ({ weight }) =>
      weight === null ? 1 : Number(weight) / 1e18,
    );
    this.#denormSum = raw.reduce((sum, weight) => sum + weight, 0);
    this.weights = raw.map((weight) => weight / this.#denormSum);
    this.#protocolFee = Number(spec.protocolFee) / 1e18;
    const supply = spec.supply === null ? 100 : toUnits(spec.supply, 18);
    this.#numbers = Float64Array.of(
      Number(spec.swapFee) / 1e18,
      Number(spec.amp ?? 0n),
      supply,
      startTime,
    );
  }

  get swapFee(): number {
    return this.#numbers[0]!;
  }
  get amp(): number {
    return this.#numbers[1]!;
  }
  get supply(): number {
    return this.#numbers[2]!;
  }

  swapGivenIn(tokenIn: number, tokenOut: number, amountIn: number): number {
    const amountOut = this.quote(tokenIn, tokenOut, amountIn);
    if (amountOut !== amountOut) return amountOut;
    this.#move(tokenIn, amountIn * (1 - this.swapFee * this.#protocolFee), tokenOut, amountOut);
    return amountOut;
  }

  quote(tokenIn: number, tokenOut: number, amountIn: number): number {
    const { balances, weights, swapFee } = this;
    const balanceIn = balances[tokenIn]!;
    if (!(amountIn >= 0)) return this.#refuse('NEGATIVE_AMOUNT');
    const kept = amountIn * (1 - swapFee);
    if (this.family === 'stable') {
      return this.#accept(
        float.stable.outGivenIn({
          amp: this.amp,
          balances: ratedBalances(balances, this.#rates),
          indexIn: tokenIn,
          indexOut: tokenOut,
          amountIn: kept * this.#rates[tokenIn]!,
        }) / this.#rates[tokenOut]!,
      );
    }
    if (this.#isV1 ? amountIn > balanceIn * V1_MAX_IN : kept > balanceIn * V2_MAX_RATIO) {
      return this.#refuse(this.#isV1 ? 'ERR_MAX_IN_RATIO' : 'BAL#304');
    }
    const balanceOut = balances[tokenOut]!;
    const weightIn = weights[tokenIn]!;
    const weightOut = weights[tokenOut]!;
    if (weightIn === weightOut) {
      const growth = kept / balanceIn;
      return this.#accept((balanceOut * growth) / (1 + growth));
    }
    return this.#accept(
      float.weighted.outGivenIn({ balanceIn, weightIn, balanceOut, weightOut, amountIn: kept }),
    );
  }

  swapGivenOut(tokenIn: number, tokenOut: number, amountOut: number): number {
    const { balances, weights, swapFee } = this;
    const balanceOut = balances[tokenOut]!;
    if (!(amountOut >= 0)) return this.#refuse('NEGATIVE_AMOUNT');
    let before: number;
    if (this.family === 'stable') {
      if (amountOut >= balanceOut) return this.#refuse('BAL#001');
      before =
        float.stable.inGivenOut({
          amp: this.amp,
          balances: ratedBalances(balances, this.#rates),
          indexIn: tokenIn,
          indexOut: tokenOut,
          amountOut: amountOut * this.#rates[tokenOut]!,
        }) / this.#rates[tokenIn]!;
    } else {
      if (amountOut > balanceOut * (this.#isV1 ? V1_MAX_OUT : V2_MAX_RATIO)) {
        return this.#refuse(this.#isV1 ? 'ERR_MAX_OUT_RATIO' : 'BAL#305');
      }
      before = float.weighted.inGivenOut({
        balanceIn: balances[tokenIn]!,
        weightIn: weights[tokenIn]!,
        balanceOut,
        weightOut: weights[tokenOut]!,
        amountOut,
      });
    }
    const amountIn = before / (1 - swapFee);
    this.#move(tokenIn, amountIn * (1 - swapFee * this.#protocolFee), tokenOut, amountOut);
    return this.#accept(amountIn);
  }

  spot(tokenIn: number, tokenOut: number): number {
    const { balances, weights } = this;
    if (this.family === 'stable') {
      return stableSpot(this.amp, balances, this.#rates, {
        indexIn: tokenIn,
        indexOut: tokenOut,
      });
    }
    return balances[tokenIn]! / weights[tokenIn]! / (balances[tokenOut]! / weights[tokenOut]!);
  }

  joinAll(shares: number): Float64Array | null {
    return this.#proportional(shares, 1);
  }

  exitAll(shares: number): Float64Array | null {
    if (shares > this.supply) {
      this.#refuse(this.#isV1 ? 'ERR_INSUFFICIENT_BAL' : 'BAL#416');
      return null;
    }
    return this.#proportional(shares, -1);
  }

  joinSingle(token: number, amount: number): number {
    const { balances, weights, swapFee, supply } = this;
    const balance = balances[token]!;
    if (!(amount >= 0)) return this.#refuse('NEGATIVE_AMOUNT');
    if (this.#isV1 && amount > balance * V1_MAX_IN) return this.#refuse('ERR_MAX_IN_RATIO');
    let shares: number;
    if (this.family === 'stable') {
      const share = this.#shareOf(token);
      shares =
        supply *
        (this.#invariantWith(token, amount * (1 - (1 - share) * swapFee)) /
          this.#invariantWith(token, 0) -
          1);
    } else {
      const weight = weights[token]!;
      const growth = (amount * (1 - (1 - weight) * swapFee)) / balance;
      shares = supply * Math.expm1(weight * Math.log1p(growth));
    }
    this.#add(token, amount);
    this.#numbers[2] = supply + shares;
    return this.#accept(shares);
  }

  exitSingle(token: number, shares: number): number {
    const { balances, weights, swapFee, supply } = this;
    const balance = balances[token]!;
    if (!(shares >= 0) || shares >= supply)
      return this.#refuse(this.#isV1 ? 'ERR_INSUFFICIENT_BAL' : 'BAL#416');
    let amount: number;
    if (this.family === 'stable') amount = this.#stableExit(token, shares / supply);
    else {
      const weight = weights[token]!;
      const gross = -balance * Math.expm1(Math.log1p(-shares / supply) / weight);
      amount = gross * (1 - (1 - weight) * swapFee);
    }
    if (this.#isV1 && amount > balance * V1_MAX_OUT) return this.#refuse('ERR_MAX_OUT_RATIO');
    this.#add(token, -amount);
    this.#numbers[2] = supply - shares;
    return this.#accept(amount);
  }

  vaultBatch(): null {
    this.#refuse('UNSUPPORTED');
    return null;
  }

  setSwapFee(fee: number): boolean {
    if (!(fee <= FEE_MAX)) return this.#deny(this.#isV1 ? 'ERR_MAX_FEE' : 'BAL#202');
    if (!(fee >= V1_FEE_MIN)) return this.#deny(this.#isV1 ? 'ERR_MIN_FEE' : 'BAL#203');
    this.#numbers[0] = fee;
    return this.#allow();
  }

  setWeights(weights: ArrayLike<number>, seconds: number): boolean {
    if (this.family !== 'weighted' || !hasMovableWeights(this.spec.kind))
      return this.#deny('FIXED_WEIGHTS');
    const to = Float64Array.from(weights);
    for (const weight of to) {
      if (this.#isV1) {
        const denorm = weight * this.#denormSum;
        // A relative rounding of the denormalisation must not count as a step over the bound.
        if (denorm < V1_DENORM_MIN * (1 - 1e-12)) return this.#deny('ERR_MIN_WEIGHT');
        if (denorm > V1_DENORM_MAX * (1 + 1e-12)) return this.#deny('ERR_MAX_WEIGHT');
      } else if (!(weight >= V2_MIN_WEIGHT * (1 - 1e-12))) return this.#deny('BAL#302');
    }
    const now = this.#numbers[3]!;
    if (seconds > 0) {
      this.#weightRamp = { from: this.weights.slice(), to, start: now, end: now + seconds };
    } else {
      this.#weightRamp = null;
      this.weights.set(to);
    }
    return this.#allow();
  }

  setAmp(amp: number, seconds: number): boolean {
    if (this.family !== 'stable') return this.#deny('NO_AMPLIFICATION');
    if (!(amp >= 1)) return this.#deny('BAL#300');
    if (!(amp <= 5000)) return this.#deny('BAL#301');
    if (seconds < DAY_SECONDS) return this.#deny('BAL#317');
    const daily = (Math.max(amp / this.amp, this.amp / amp) * DAY_SECONDS) / seconds;
    if (daily > 2) return this.#deny('BAL#318');
    const now = this.#numbers[3]!;
    this.#ampRamp = {
      from: Float64Array.of(this.amp),
      to: Float64Array.of(amp),
      start: now,
      end: now + seconds,
    };
    return this.#allow();
  }

  rebase(token: number, factor: number, take: 'resync' | 'safeResync' | 'gulp' | 'later'): boolean {
    if (!this.#isV1) return this.#deny('UNSUPPORTED');
    if ((take === 'resync' || take === 'safeResync') && this.spec.kind !== 'v1-elastic')
      return this.#deny('ERR_UNSUPPORTED_OPERATION');
    this.held[token] = this.held[token]! * factor;
    if (take === 'later') return this.#allow();
    const moved = this.held[token] / this.balances[token]!;
    this.gulp(token);
    if (take === 'gulp') return this.#allow();
    // w sqrt(f) and w / sqrt(f) have the ratios that normalised weights need.
    const target = this.weights.map((weight, i) => (i === token ? weight * moved : weight));
    const sum = target.reduce((total, weight) => total + weight, 0);
    this.weights.set(target.map((weight) => weight / sum));
    return this.#allow();
  }

  gulp(token: number): boolean {
    this.balances[token] = this.held[token]!;
    return this.#allow();
  }

  advance(seconds: number): void {
    const now = this.#numbers[3]! + seconds;
    this.#numbers[3] = now;
    if (this.#weightRamp !== null) this.#weightRamp = follow(this.#weightRamp, now, this.weights);
    if (this.#ampRamp !== null) {
      const amp = Float64Array.of(this.amp);
      this.#ampRamp = follow(this.#ampRamp, now, amp);
      this.#numbers[1] = amp[0]!;
    }
  }

  save(): unknown {
    const [fee, amp, supply, time] = this.#numbers as unknown as [number, number, number, number];
    return {
      balances: this.balances.slice(),
      held: this.held.slice(),
      weights: this.weights.slice(),
      numbers: [fee, amp, supply, time],
      weightRamp: this.#weightRamp,
      ampRamp: this.#ampRamp,
    } satisfies State;
  }

  restore(state: unknown): void {
    const { balances, held, weights, numbers, weightRamp, ampRamp } = state as State;
    this.balances.set(balances);
    this.held.set(held);
    this.weights.set(weights);
    this.#numbers.set(numbers);
    this.#weightRamp = weightRamp;
    this.#ampRamp = ampRamp;
  }

  #proportional(shares: number, sign: 1 | -1): Float64Array | null {
    if (!(shares > 0)) {
      this.#refuse(this.#isV1 ? 'ERR_MATH_APPROX' : 'ZERO_SHARES');
      return null;
    }
    const ratio = shares / this.supply;
    const amounts = this.balances.map((balance) => balance * ratio);
    amounts.forEach((amount, token) => this.#add(token, sign * amount));
    this.#numbers[2] = this.supply + sign * shares;
    this.refusal = null;
    return amounts;
  }

  /** Solves D(balance - x) = (1 - share) D for x by bisection on the monotone invariant. */
  #stableExit(token: number, share: number): number {
    const target = this.#invariantWith(token, 0) * (1 - share);
    let [low, high] = [0, this.balances[token]!];
    for (let i = 0; i < 100 && high - low > 1e-15 * high; i++) {
      const middle = (low + high) / 2;
      if (this.#invariantWith(token, -middle) > target) low = middle;
      else high = middle;
    }
    return low * (1 - (1 - this.#shareOf(token)) * this.swapFee);
  }

  /** Part of the pool that a token is, counted by rates. */
  #shareOf(token: number): number {
    const rated = ratedBalances(this.balances, this.#rates);
    return rated[token]! / rated.reduce((sum, each) => sum + each, 0);
  }

  #invariantWith(token: number, change: number): number {
    const balances = this.balances.slice();
    balances[token] = balances[token]! + change;
    return float.stable.invariant(this.amp, ratedBalances(balances, this.#rates));
  }

  #move(tokenIn: number, amountIn: number, tokenOut: number, amountOut: number): void {
    this.#add(tokenIn, amountIn);
    this.#add(tokenOut, -amountOut);
  }

  #add(token: number, amount: number): void {
    this.balances[token] = this.balances[token]! + amount;
    this.held[token] = this.held[token]! + amount;
  }

  #accept(amount: number): number {
    this.refusal = null;
    return amount;
  }

  #refuse(code: string): number {
    this.refusal = code;
    return NaN;
  }

  #allow(): true {
    this.refusal = null;
    return true;
  }

  #deny(code: string): false {
    this.refusal = code;
    return false;
  }
}

/** Writes the ramp's values at a time; null when it is over. */
function follow(ramp: Ramp, now: number, values: Float64Array): Ramp | null {
  const { from, to, start, end } = ramp;
  const share = Math.min(1, (now - start) / (end - start));
  for (let i = 0; i < values.length; i++) values[i] = from[i]! + (to[i]! - from[i]!) * share;
  return share < 1 ? ramp : null;
}
