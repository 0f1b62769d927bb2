/**
 * A V2 pool in a Vault of its own, on the exact engine.
 *
 * @module
 */
import { Revert, v2 } from '@balancer/pools';
import type {
  ExactPool,
  SingleAmounts,
  SingleCall,
  SwapAmounts,
  SwapCall,
  VaultBatchAmounts,
} from './exact.ts';
import type { VaultSwap } from './sim-pool.ts';
import type { PoolSpec } from './spec.ts';

const OWNER: string = `0x${'0e'.repeat(20)}`;
/** Owners can change weights of managed and bootstrapping pools at once only over a second. */
const LEAST_SECONDS = 1n;

/** A pool that `spec` describes, filled by its first join. @throws {Revert} What creation says. */
export class ExactV2Pool implements ExactPool {
  readonly spec: PoolSpec;
  readonly tokenCount: number;
  readonly #tokens: readonly string[];
  readonly #pool: v2.PoolId;
  /** Place of each token in the pool's registered list, and in its list without the own token. */
  readonly #registered: readonly number[];
  #state: v2.WorldState;

  constructor(spec: PoolSpec, startTime: number) {
    this.spec = spec;
    this.tokenCount = spec.tokens.length;
    const world = v2.createWorld({
      time: BigInt(startTime),
      block: 1n,
      protocolFees: { swap: spec.protocolFee },
      pauseWindowDuration: 0n,
      bufferPeriodDuration: 0n,
    });
    this.#tokens = spec.tokens.map(({ symbol, decimals }) =>
      world.createToken({ symbol, decimals }),
    );
    this.#pool = world.createPool(descriptionOf(spec, this.#tokens, world));
    const pool = v2.getPool(world.state, this.#pool);
    const own = pool.tokens.filter((token) => token !== pool.address);
    this.#registered = this.#tokens.map((token) => own.indexOf(token));
    const amounts = this.#inRegistered(spec.tokens.map(({ balance }) => balance));
    world.join({ pool: this.#pool, sender: OWNER, kind: 'INIT', amounts });
    this.#state =
      spec.supply === null ? world.state : withSupply(world.state, this.#pool, spec.supply);
  }

  get poolId(): v2.PoolId {
    return this.#pool;
  }

  get state(): v2.WorldState {
    return this.#state;
  }

  /** Who holds all pool tokens and makes every call. */
  get owner(): string {
    return OWNER;
  }

  addressOf(token: number): string {
    return this.#tokens[token]!;
  }

  balances(): readonly bigint[] {
    const { tokens, balances } = v2.getPoolTokens(this.#state, this.#pool);
    return this.#tokens.map((token) => balances[tokens.indexOf(token)]!);
  }

  held(): readonly bigint[] {
    return this.balances();
  }

  weights(): readonly bigint[] {
    const { family } = v2.getPool(this.#state, this.#pool);
    if (family !== 'weighted' && family !== 'managed') return [];
    const weights = v2.getWeights(this.#state, this.#pool);
    return this.#registered.map((place) => weights[place]!);
  }

  supply(): bigint {
    return v2.poolValue(v2.getPool(this.#state, this.#pool), this.#state).supply;
  }

  swapFee(): bigint {
    return v2.getSwapFee(this.#state, this.#pool);
  }

  amp(): bigint {
    const { family } = v2.getPool(this.#state, this.#pool);
    return family === 'stable' || family === 'composable'
      ? v2.getAmp(this.#state, this.#pool).value
      : 0n;
  }

  swap({ tokenIn, tokenOut, given, amount, limit }: SwapCall): SwapAmounts {
    const { amountCalculated } = this.run({
      do: 'swap',
      from: OWNER,
      pool: this.#pool,
      kind: given === 'in' ? 'GIVEN_IN' : 'GIVEN_OUT',
      tokenIn: this.addressOf(tokenIn),
      tokenOut: this.addressOf(tokenOut),
      amount,
      ...(limit !== undefined && { limit }),
    });
    return given === 'in'
      ? { amountIn: amount, amountOut: amountCalculated }
      : { amountIn: amountCalculated, amountOut: amount };
  }

  joinAll(shares: bigint): readonly bigint[] {
    const before = this.balances();
    if (v2.POOL_KINDS[this.spec.kind as v2.PoolKind].proportionalJoin) {
      this.#join({ kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: shares });
    } else {
      // These kinds only know exact amounts; proportional ones mint the same up to rounding.
      const supply = this.supply();
      this.joinAmounts(before.map((balance) => (balance * shares) / supply));
    }
    return this.balances().map((balance, i) => balance - before[i]!);
  }

  exitAll(shares: bigint): readonly bigint[] {
    const before = this.balances();
    this.#exit({ kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: shares });
    return this.balances().map((balance, i) => before[i]! - balance);
  }

  joinAmounts(amounts: readonly bigint[]): bigint {
    const supply = this.supply();
    this.#join({ kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts: this.#inRegistered(amounts) });
    return this.supply() - supply;
  }

  exitAmounts(amounts: readonly bigint[]): bigint {
    const supply = this.supply();
    this.#exit({ kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT', amounts: this.#inRegistered(amounts) });
    return supply - this.supply();
  }

  joinSingle(call: SingleCall): SingleAmounts {
    const index = this.#registered[call.token]!;
    const [before, supply] = [this.balances()[call.token]!, this.supply()];
    if (call.given === 'shares')
      this.#join({ kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT', bpt: call.shares, index });
    else {
      const amounts = this.#registered.map(() => 0n);
      amounts[index] = call.amount;
      this.#join({ kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts });
    }
    return { amount: this.balances()[call.token]! - before, shares: this.supply() - supply };
  }

  exitSingle(call: SingleCall): SingleAmounts {
    const index = this.#registered[call.token]!;
    const [before, supply] = [this.balances()[call.token]!, this.supply()];
    if (call.given === 'shares')
      this.#exit({ kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', bpt: call.shares, index });
    else {
      const amounts = this.#registered.map(() => 0n);
      amounts[index] = call.amount;
      this.#exit({ kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT', amounts });
    }
    return { amount: before - this.balances()[call.token]!, shares: supply - this.supply() };
  }

  setSwapFee(fee: bigint): void {
    const { family } = v2.getPool(this.#state, this.#pool);
    const { time } = this.#state;
    if (family === 'managed') {
      const span = { startTime: time, endTime: time, startFee: fee, endFee: fee };
      this.run({ do: 'updateSwapFeeGradually', from: OWNER, pool: this.#pool, ...span });
    } else {
      this.run({ do: 'setSwapFee', from: OWNER, pool: this.#pool, swapFee: fee });
    }
  }

  setWeights(weights: readonly bigint[], seconds: number): void {
    const endWeights = this.#inRegistered(weights);
    const startTime = this.#state.time;
    const span = BigInt(Math.round(seconds));
    const endTime = startTime + (span < LEAST_SECONDS ? LEAST_SECONDS : span);
    const { family, tokens } = v2.getPool(this.#state, this.#pool);
    this.run({
      do: 'updateWeightsGradually',
      from: OWNER,
      pool: this.#pool,
      startTime,
      endTime,
      endWeights,
      ...(family === 'managed' && { tokens: tokens.slice(1) }),
    });
  }

  setAmp(amp: bigint, seconds: number): void {
    const endTime = this.#state.time + BigInt(Math.round(seconds));
    this.run({ do: 'startAmpUpdate', from: OWNER, pool: this.#pool, amp, endTime });
  }

  rebase(): void {
    throw notElastic();
  }

  gulp(): void {
    throw notElastic();
  }

  resync(): void {
    throw notElastic();
  }

  safeResync(): string | null {
    throw notElastic();
  }

  vaultBatch(steps: readonly VaultSwap[]): VaultBatchAmounts {
    const { tokens } = v2.getPoolTokens(this.#state, this.#pool);
    const report = v2.trace(this.#state, {
      do: 'batchSwap',
      from: OWNER,
      kind: 'GIVEN_OUT',
      assets: tokens,
      steps: steps.map((step) => ({ pool: this.#pool, ...step })),
    });
    this.#state = report.state;
    const own = tokens.indexOf(v2.getPool(this.#state, this.#pool).address);
    const { assetDeltas } = report.result;
    return {
      amounts: this.#tokens.map((token) => -assetDeltas[tokens.indexOf(token)]!),
      shares: own < 0 ? 0n : -assetDeltas[own]!,
      falls: v2.invariantDrop(report).map(({ index, fraction }) => ({ index, fraction })),
    };
  }

  advance(seconds: number, blocks: number): void {
    this.run({ do: 'warp', seconds: BigInt(Math.round(seconds)), blocks: BigInt(blocks) });
  }

  save(): unknown {
    return this.#state;
  }

  restore(state: unknown): void {
    this.#state = state as v2.WorldState;
  }

  /** Applies an operation of the engine. @throws {Revert} */
  run<const O extends v2.Operation>(operation: O): v2.StepOutcome<O>['result'] {
    const { state, result } = v2.step(this.#state, operation);
    this.#state = state;
    return result;
  }

  /** Values per token in the order of the pool's list. */
  #inRegistered(values: readonly bigint[]): bigint[] {
    const listed: bigint[] = [];
    values.forEach((value, i) => (listed[this.#registered[i]!] = value));
    return listed;
  }

  #join(request: v2.JoinRequest): void {
    this.run({ do: 'join', from: OWNER, pool: this.#pool, request });
  }

  #exit(request: v2.ExitRequest): void {
    this.run({ do: 'exit', from: OWNER, pool: this.#pool, request });
  }
}

function descriptionOf(
  spec: PoolSpec,
  tokens: readonly string[],
  world: v2.World,
): v2.PoolDescription {
  const kind = spec.kind as v2.PoolKind;
  const base = { kind, tokens, swapFee: spec.swapFee, owner: OWNER };
  const { family } = v2.POOL_KINDS[kind];
  if (family === 'weighted' || family === 'managed') {
    return { ...base, weights: spec.tokens.map(({ weight }) => weight ?? 0n) };
  }
  const amp = { amp: spec.amp ?? 100n };
  if (spec.tokens.every(({ rate }) => rate === null)) return { ...base, ...amp };
  return {
    ...base,
    ...amp,
    rateProviders: spec.tokens.map(({ rate }) =>
      rate === null ? null : world.createRateProvider({ rate }),
    ),
    rateCacheDurations: spec.tokens.map(() => 0n),
  };
}

/** The world with another number of pool tokens, all of the difference in the owner's hand. */
function withSupply(state: v2.WorldState, id: v2.PoolId, supply: bigint): v2.WorldState {
  const pool = v2.getPool(state, id);
  const difference = supply - v2.poolValue(pool, state).supply;
  const holders = state.ledger.get(pool.address);
  const held = holders?.get(OWNER) ?? 0n;
  return {
    ...state,
    pools: state.pools.set(id, { ...pool, totalSupply: pool.totalSupply + difference }),
    ...(holders && {
      ledger: state.ledger.set(pool.address, holders.set(OWNER, held + difference)),
    }),
  };
}

function notElastic(): Revert {
  return new Revert(
    'UNSUPPORTED',
    'UNSUPPORTED',
    'Rebases are taken up by pools of kind v1 and v1-elastic.',
  );
}
