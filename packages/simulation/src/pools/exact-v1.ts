/**
 * A V1 pool, alone or below an elastic rights pool, on the exact engine.
 *
 * @module
 */
import { Revert, v1 } from '@balancer/pools';
import type {
  ExactPool,
  SingleAmounts,
  SingleCall,
  SwapAmounts,
  SwapCall,
  VaultBatchAmounts,
} from './exact.ts';
import type { PoolSpec } from './spec.ts';

const OWNER: string = `0x${'0e'.repeat(20)}`;
const NO_LIMIT: bigint = (1n << 256n) - 1n;
const ONE: bigint = 10n ** 18n;
/** V1 pool shares that an elastic pool starts with when nothing else is said. */
const CRP_SUPPLY: bigint = 100n * ONE;

interface State {
  readonly pool: v1.pool.PoolState;
  /** The rights pool above, for elastic pools. */
  readonly crp: v1.crp.CrpState | null;
  readonly block: bigint;
}

/** A pool that `spec` describes, with all shares in one hand. @throws {Revert} What binding says. */
export class ExactV1Pool implements ExactPool {
  readonly spec: PoolSpec;
  readonly tokenCount: number;
  readonly #addresses: readonly string[];
  #state: State;

  constructor(spec: PoolSpec) {
    this.spec = spec;
    this.tokenCount = spec.tokens.length;
    this.#addresses = spec.tokens.map(
      (_token, i) => `0x${(0x70000 + i).toString(16).padStart(40, '0')}`,
    );
    this.#state =
      spec.kind === 'v1-elastic'
        ? elasticPool(spec, this.#addresses)
        : plainPool(spec, this.#addresses);
  }

  /** The pool's own state, for callers that step it with calls of the chain. */
  get pool(): v1.pool.PoolState {
    return this.#state.pool;
  }

  get owner(): string {
    return OWNER;
  }

  addressOf(token: number): string {
    return this.#addresses[token]!;
  }

  balances(): readonly bigint[] {
    return this.#addresses.map((token) => this.#recordOf(token)?.balance ?? 0n);
  }

  held(): readonly bigint[] {
    return this.#addresses.map((token) => v1.pool.heldOf(this.#state.pool, token));
  }

  weights(): readonly bigint[] {
    return this.#addresses.map((token) => this.#recordOf(token)?.denorm ?? 0n);
  }

  supply(): bigint {
    return (this.#state.crp?.shares ?? this.#state.pool.shares).totalSupply;
  }

  swapFee(): bigint {
    return this.#state.pool.swapFee;
  }

  amp(): bigint {
    return 0n;
  }

  swap({ tokenIn, tokenOut, given, amount, limit }: SwapCall): SwapAmounts {
    const pair = { tokenIn: this.addressOf(tokenIn), tokenOut: this.addressOf(tokenOut) };
    if (given === 'in') {
      const { state, result } = v1.pool.swapExactAmountIn(
        this.#state.pool,
        { ...pair, tokenAmountIn: amount, ...(limit !== undefined && { minAmountOut: limit }) },
        this.#env(),
      );
      this.#keepPool(state);
      return { amountIn: amount, amountOut: result.tokenAmountOut };
    }
    const { state, result } = v1.pool.swapExactAmountOut(
      this.#state.pool,
      { ...pair, tokenAmountOut: amount, ...(limit !== undefined && { maxAmountIn: limit }) },
      this.#env(),
    );
    this.#keepPool(state);
    return { amountIn: result.tokenAmountIn, amountOut: amount };
  }

  joinAll(shares: bigint): readonly bigint[] {
    const before = this.balances();
    const maxAmountsIn = before.map(() => NO_LIMIT);
    this.call({ do: 'joinPool', poolAmountOut: shares, maxAmountsIn });
    return this.balances().map((balance, i) => balance - before[i]!);
  }

  exitAll(shares: bigint): readonly bigint[] {
    const before = this.balances();
    const minAmountsOut = before.map(() => 0n);
    this.call({ do: 'exitPool', poolAmountIn: shares, minAmountsOut });
    return this.balances().map((balance, i) => before[i]! - balance);
  }

  joinAmounts(): bigint {
    throw new Revert(
      'UNSUPPORTED',
      'UNSUPPORTED',
      'A V1 pool joins in proportion or by one token.',
    );
  }

  exitAmounts(): bigint {
    return this.joinAmounts();
  }

  joinSingle(call: SingleCall): SingleAmounts {
    const tokenIn = this.addressOf(call.token);
    return this.#single(call.token, () =>
      call.given === 'amount'
        ? this.call({ do: 'joinswapExternAmountIn', tokenIn, tokenAmountIn: call.amount })
        : this.call({ do: 'joinswapPoolAmountOut', tokenIn, poolAmountOut: call.shares }),
    );
  }

  exitSingle(call: SingleCall): SingleAmounts {
    const tokenOut = this.addressOf(call.token);
    return this.#single(call.token, () =>
      call.given === 'amount'
        ? this.call({ do: 'exitswapExternAmountOut', tokenOut, tokenAmountOut: call.amount })
        : this.call({ do: 'exitswapPoolAmountIn', tokenOut, poolAmountIn: call.shares }),
    );
  }

  setSwapFee(fee: bigint): void {
    this.call({ do: 'setSwapFee', fee });
  }

  setWeights(weights: readonly bigint[], _seconds: number): void {
    const before = this.#state;
    try {
      // Lower first: the total may never pass its limit on the way.
      const order = weights.map((denorm, i) => ({ denorm, i, up: denorm > this.weights()[i]! }));
      for (const { denorm, i } of [
        ...order.filter(({ up }) => !up),
        ...order.filter(({ up }) => up),
      ]) {
        const token = this.addressOf(i);
        this.call({ do: 'rebind', token, denorm, balance: this.balances()[i]! });
      }
    } catch (error) {
      this.#state = before;
      throw error;
    }
  }

  setAmp(): void {
    throw new Revert('UNSUPPORTED', 'UNSUPPORTED', 'A V1 pool has no amplification.');
  }

  rebase(token: number, factor: bigint): void {
    const address = this.addressOf(token);
    const balance = (v1.pool.heldOf(this.#state.pool, address) * factor) / ONE;
    this.#keepPool(v1.pool.setHeld(this.#state.pool, { token: address, balance }).state);
  }

  gulp(token: number): void {
    this.#keepPool(
      v1.pool.gulp(this.#state.pool, { token: this.addressOf(token) }, this.#env()).state,
    );
  }

  resync(token: number): void {
    const { state } = v1.elastic.resyncWeight(
      this.#elastic(),
      { token: this.addressOf(token) },
      this.#env(),
    );
    this.#keepCrp(state);
  }

  safeResync(token: number): string | null {
    const { state, result } = v1.elastic.safeResync(
      this.#elastic(),
      { token: this.addressOf(token) },
      this.#env(),
    );
    this.#keepCrp(state);
    return result.errorReason;
  }

  vaultBatch(): VaultBatchAmounts {
    throw new Revert('UNSUPPORTED', 'UNSUPPORTED', 'A V1 pool is in no Vault.');
  }

  advance(_seconds: number, blocks: number): void {
    this.#state = { ...this.#state, block: this.#state.block + BigInt(blocks) };
  }

  save(): unknown {
    return this.#state;
  }

  restore(state: unknown): void {
    this.#state = state as State;
  }

  /** Makes a call of the chain on the pool, or on the rights pool above it. @throws {Revert} */
  call(operation: v1.pool.PoolOperation): v1.pool.CallResult {
    const { crp, pool } = this.#state;
    if (crp === null) {
      const { state, result } = v1.pool.step(pool, operation, this.#env());
      this.#keepPool(state);
      return result;
    }
    const { state, result } = v1.crp.step(crp, operation, this.#env());
    this.#keepCrp(state);
    return result;
  }

  #single(token: number, call: () => v1.pool.CallResult): SingleAmounts {
    const [before, supply] = [this.balances()[token]!, this.supply()];
    call();
    return {
      amount: absolute(this.balances()[token]! - before),
      shares: absolute(this.supply() - supply),
    };
  }

  #recordOf(token: string): v1.pool.TokenRecord | undefined {
    return this.#state.pool.tokens.find((record) => record.token === token);
  }

  #env(): v1.Env {
    return { sender: OWNER, block: this.#state.block };
  }

  #elastic(): v1.crp.CrpState {
    const { crp } = this.#state;
    if (crp !== null) return crp;
    throw new Revert(
      'ERR_UNSUPPORTED_OPERATION',
      'UNSUPPORTED_OPERATION',
      'Only a v1-elastic pool resynchronises.',
    );
  }

  #keepPool(pool: v1.pool.PoolState): void {
    const { crp, block } = this.#state;
    this.#state = { pool, crp: crp === null ? null : { ...crp, pool }, block };
  }

  #keepCrp(crp: v1.crp.CrpState): void {
    this.#state = { ...this.#state, crp, pool: crp.pool! };
  }
}

function plainPool(spec: PoolSpec, addresses: readonly string[]): State {
  const env = { sender: OWNER, block: 1n };
  let pool = v1.pool.newPool({
    address: `0x${'b1'.repeat(20)}`,
    factory: OWNER,
    controller: OWNER,
  });
  spec.tokens.forEach(({ balance, weight }, i) => {
    pool = v1.pool.bind(pool, { token: addresses[i]!, balance, denorm: weight ?? ONE }, env).state;
  });
  pool = v1.pool.setSwapFee(pool, { fee: spec.swapFee }, env).state;
  // A pool whose owner goes on changing it is never finalised, and then nobody can join.
  pool = spec.isControlled
    ? v1.pool.setPublicSwap(pool, { public: true }, env).state
    : v1.pool.finalize(pool, env).state;
  const supply = spec.supply ?? (spec.isControlled ? 100n * ONE : pool.shares.totalSupply);
  return {
    pool: { ...pool, shares: { totalSupply: supply, balances: { [OWNER]: supply } } },
    crp: null,
    block: 1n,
  };
}

function elasticPool(spec: PoolSpec, addresses: readonly string[]): State {
  const env = { sender: OWNER, block: 1n };
  const crp = v1.crp.construct(
    {
      address: `0x${'c4'.repeat(20)}`,
      factory: OWNER,
      kind: 'elastic',
      rights: v1.crp.DEFAULT_RIGHTS,
      params: {
        constituentTokens: addresses,
        tokenBalances: spec.tokens.map(({ balance }) => balance),
        tokenWeights: spec.tokens.map(({ weight }) => weight ?? ONE),
        swapFee: spec.swapFee,
      },
    },
    env,
  );
  const initialSupply = spec.supply ?? CRP_SUPPLY;
  const created = v1.crp.createPool(
    crp,
    { poolAddress: `0x${'b1'.repeat(20)}`, initialSupply },
    env,
  ).state;
  return { pool: created.pool!, crp: created, block: 1n };
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
