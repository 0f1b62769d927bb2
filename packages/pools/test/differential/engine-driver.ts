/**
 * Runs the steps of a scenario on our engine. Each step becomes the operation that does the same;
 * joins and exits go in as the very bytes that the contracts get.
 *
 * @module
 */
import { Revert } from '../../src/errors.ts';
import type { PoolDescription } from '../../src/v2/descriptions.ts';
import type { WorldEvent } from '../../src/v2/events.ts';
import type { Operation } from '../../src/v2/operations.ts';
import type { WorldState } from '../../src/v2/state.ts';
import { step as run } from '../../src/v2/step.ts';
import * as views from '../../src/v2/views.ts';
import { createState } from '../../src/v2/world.ts';
import { ADMIN, COLLECTOR, VAULT, WETH } from '../evm/deployment.ts';
import { ZERO } from '../evm/chain.ts';
import {
  ACCOUNTS,
  type Driver,
  FORTUNE,
  type Outcome,
  type PoolSpec,
  type Scenario,
  type Step,
} from '../evm/scenario.ts';
import { type EngineWorld, readEngineState } from './engine-state.ts';
import { VIEWS } from './engine-views.ts';
import { OPERATIONS, type Translator } from './engine-operations.ts';
import { rateProviderOf, WRAPPED } from './rate-providers.ts';

/** An engine world that holds what a scenario's deployment holds. */
export class EngineDriver implements Driver {
  private readonly world: EngineWorld;
  private current: WorldState;

  constructor(scenario: Scenario) {
    const tokens = new Map([
      ['WETH', WETH],
      ...scenario.tokens.map(({ sym, address }) => [sym, address] as const),
    ]);
    const surplus = scenario.pools.some((pool) => pool.assetManagers !== undefined) ? FORTUNE : 0n;
    this.current = createState({
      time: BigInt(scenario.startTime),
      block: BigInt(scenario.startBlock),
      pauseWindowDuration: BigInt(scenario.pauseWindowDuration),
      bufferPeriodDuration: BigInt(scenario.bufferPeriodDuration),
      protocolFees: {
        swap: BigInt(scenario.protocolSwapFee),
        yield: BigInt(scenario.protocolYieldFee ?? 0),
        aum: BigInt(scenario.protocolAumFee ?? 0),
        flashLoan: BigInt(scenario.flashLoanFee ?? 0),
      },
      admin: ADMIN,
      vault: VAULT,
      weth: WETH,
      collector: COLLECTOR,
    });
    this.apply({ do: 'authorize', from: ADMIN, account: ACCOUNTS.carol, allowed: true });
    for (const { sym, decimals, address } of scenario.tokens) {
      this.apply({ do: 'createToken', symbol: sym, decimals, address });
      if (surplus > 0n) this.apply({ do: 'mint', token: address, to: VAULT, amount: surplus });
    }
    const pools = scenario.pools.map((spec) => ({ spec, id: this.createPool(spec, tokens) }));
    this.world = { pools, tokens, surplus };
  }

  step(step: Step): Outcome {
    try {
      return this.attempt(step);
    } catch (error) {
      if (error instanceof Revert) return { revert: error.code };
      throw error;
    }
  }

  state(): Outcome {
    return readEngineState(this.world, this.current);
  }

  private attempt(step: Step): Outcome {
    if (step.do === 'pump') return this.pump(step);
    const view = VIEWS[step.do];
    if (view !== undefined) {
      const { spec, ...asked } = this.translator(step);
      if (spec === undefined) throw new Error('the step names no pool');
      return view({ ...asked, spec });
    }
    const translate = OPERATIONS[step.do];
    if (translate === undefined) throw new Error(`the engine driver knows no step ${step.do}`);
    const { operation, tell } = translate(this.translator(step));
    const { result, events } = this.apply(operation);
    return tell?.({ result, events, state: this.current }) ?? {};
  }

  /** Many swaps there and back with the same two amounts, each after some time. */
  private pump(step: Step): Outcome {
    const { seconds, blocks, count, amountA, amountB } = step;
    const [first, second] = this.translator(step).registered;
    let last: Outcome = {};
    for (let i = 0; i < Number(count); i++) {
      const isForward = i % 2 === 0;
      this.attempt({ do: 'warp', seconds, blocks });
      last = this.attempt({
        ...step,
        do: 'swap',
        kind: 'GIVEN_IN',
        in: isForward ? first : second,
        out: isForward ? second : first,
        amount: isForward ? amountA : amountB,
      });
    }
    return { lastAmountOut: last['amountCalculated'] ?? null };
  }

  private apply(operation: Operation): { result: unknown; events: readonly WorldEvent[] } {
    const { state, result, events } = run(this.current, operation);
    this.current = state;
    return { result, events };
  }

  private translator(step: Step): Translator {
    const pool = this.world.pools.find(({ spec }) => spec.name === step.pool);
    const registered =
      pool === undefined
        ? []
        : views.getPoolTokens(this.current, pool.id).tokens.map((token) => this.symbolOf(token));
    return {
      step,
      spec: pool?.spec,
      pool: pool?.id ?? '',
      registered,
      state: this.current,
      idOf: (name) => this.idOf(name),
      addressOf: (sym) => this.addressOf(sym),
      symbolOf: (address) => this.symbolOf(address),
    };
  }

  private idOf(name: string): string {
    const pool = this.world.pools.find(({ spec }) => spec.name === name);
    if (pool === undefined) throw new Error(`no pool ${name}`);
    return pool.id;
  }

  private addressOf(sym: string): string {
    if (sym === 'ETH' || sym === 'ZERO') return ZERO;
    return this.world.tokens.get(sym) ?? this.idOf(sym).slice(0, 42);
  }

  private symbolOf(address: string): string {
    for (const [sym, token] of this.world.tokens) if (token === address) return sym;
    for (const { spec, id } of this.world.pools) if (id.startsWith(address)) return spec.name;
    return 'ETH';
  }

  private createPool(spec: PoolSpec, tokens: ReadonlyMap<string, string>): string {
    const address = (sym: string): string => tokens.get(sym) ?? ZERO;
    const providers = spec.tokens.map((_, index) => {
      const rate = BigInt(spec.rates?.[index] ?? 0);
      if (rate === 0n) return null;
      const provider = rateProviderOf(spec, index);
      this.apply({ do: 'createRateProvider', rate, address: provider });
      return provider;
    });
    const wrappedRateProvider = rateProviderOf(spec, WRAPPED);
    if (spec.wrappedRate !== undefined) {
      const rate = BigInt(spec.wrappedRate);
      this.apply({ do: 'createRateProvider', rate, address: wrappedRateProvider });
    }
    const { amp, weights, durations, exempt, upperTarget, aumFee, assetManagers } = spec;
    const { managementSwapFee, pauseWindow, bufferPeriod } = spec;
    const isLinear = spec.main !== undefined && spec.wrapped !== undefined;
    const syms = isLinear ? [spec.main, spec.wrapped] : spec.tokens;
    const pool: PoolDescription = {
      kind: spec.type,
      tokens: syms.map(address),
      swapFee: BigInt(spec.swapFee),
      owner: ACCOUNTS.alice,
      address: spec.address,
      ...(weights && { weights: weights.map(BigInt) }),
      ...(amp && { amp: BigInt(amp) }),
      ...(spec.rates && { rateProviders: providers }),
      ...(durations && { rateCacheDurations: durations.map(BigInt) }),
      ...(exempt && { yieldExempt: exempt }),
      ...(assetManagers && { assetManagers }),
      ...(upperTarget && { upperTarget: BigInt(upperTarget), wrappedRateProvider }),
      ...(aumFee && { aumFee: BigInt(aumFee) }),
      ...(managementSwapFee && { managementSwapFee: BigInt(managementSwapFee) }),
      ...(pauseWindow && { pauseWindowDuration: BigInt(pauseWindow) }),
      ...(bufferPeriod && { bufferPeriodDuration: BigInt(bufferPeriod) }),
    };
    const { result } = run(this.current, { do: 'createPool', pool });
    this.apply({ do: 'createPool', pool });
    return result.pool;
  }
}
