/**
 * The controllers' part of a step: they see present and past, and the pool's own rules decide what of
 * their decisions holds.
 *
 * @module
 */
import type { SimPool } from '../pools/sim-pool.ts';
import { callUser, type RunState, timeOf } from './run-state.ts';
import type { Controller, Decision, DecisionRow, Observation, Order } from './types.ts';

export class Control {
  readonly #controllers: readonly Controller[];
  readonly #state: RunState;
  readonly #onDecision: ((decision: DecisionRow) => void) | undefined;
  readonly #execute: (order: Order) => string | null;

  /** @param execute - Does an order of the controllers and says why it was refused, or null. */
  constructor(
    controllers: readonly Controller[],
    state: RunState,
    {
      onDecision,
      execute,
    }: {
      readonly onDecision: ((decision: DecisionRow) => void) | undefined;
      readonly execute: (order: Order) => string | null;
    },
  ) {
    this.#controllers = controllers;
    this.#state = state;
    this.#onDecision = onDecision;
    this.#execute = execute;
  }

  save(): Record<string, unknown>[] {
    return this.#controllers.map(({ memory }) => structuredClone(memory));
  }

  restore(saved: readonly Record<string, unknown>[]): void {
    this.#controllers.forEach((controller, i) => (controller.memory = structuredClone(saved[i]!)));
  }

  /** Asks the controllers of a phase, and does what they decide. @throws {UserCodeError} */
  decide(phase: Controller['phase']): void {
    for (const controller of this.#controllers) {
      if (controller.phase !== phase || this.#state.step % controller.every !== 0) continue;
      const observation = this.#observe();
      const decision = callUser(this.#state, controller.name, () => controller.decide(observation));
      if (decision === null) continue;
      const refused = this.apply(decision);
      this.#onDecision?.({
        step: this.#state.step,
        controller: controller.name,
        observed: [...this.#state.prices],
        decided: decided(decision),
        applied: applied(decision, this.#state.pool),
        refused,
      });
    }
  }

  #observe(): Observation {
    const { pool, prices, stepSeconds, stepsPerYear } = this.#state;
    return {
      step: this.#state.step,
      time: timeOf(this.#state),
      prices: prices.slice(),
      balances: pool.balances.slice(),
      held: pool.held.slice(),
      weights: pool.weights.slice(),
      swapFee: pool.swapFee,
      amp: pool.amp,
      stepSeconds,
      stepsPerYear,
    };
  }

  /** @returns Why the pool refused the decision, or null. */
  apply(decision: Decision): string | null {
    if (decision === null) return null;
    const { pool, metrics } = this.#state;
    if (decision.set === 'resync') {
      const take = decision.isSafe ? 'safeResync' : 'resync';
      const refused = this.#execute({ do: 'rebase', token: decision.token, factor: 1, take });
      if (refused !== null) metrics.refusedDecision();
      return refused;
    }
    const isDone =
      decision.set === 'fee'
        ? pool.setSwapFee(decision.fee)
        : decision.set === 'weights'
          ? pool.setWeights(decision.weights, decision.seconds)
          : pool.setAmp(decision.amp, decision.seconds);
    if (isDone) return null;
    metrics.refusedDecision();
    return pool.refusal;
  }
}

function decided(decision: NonNullable<Decision>): number[] {
  if (decision.set === 'fee') return [decision.fee];
  if (decision.set === 'resync') return [decision.token];
  return decision.set === 'weights' ? [...decision.weights] : [decision.amp];
}

function applied(decision: NonNullable<Decision>, pool: SimPool): number[] {
  if (decision.set === 'fee') return [pool.swapFee];
  return decision.set === 'amp' ? [pool.amp] : [...pool.weights];
}
