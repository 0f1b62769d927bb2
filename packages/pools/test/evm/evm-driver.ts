/**
 * Runs the steps of a scenario against deployed bytecode.
 *
 * @module
 */
import { EvmRevert } from './chain.ts';
import type { Deployment } from './deployment.ts';
import { readState } from './evm-state.ts';
import { POOL_STEPS } from './pool-steps.ts';
import type { Driver, Outcome, Step } from './scenario.ts';
import { StepContext } from './step-context.ts';
import { VAULT_STEPS } from './vault-steps.ts';

/** Drives one deployed scenario. */
export class EvmDriver implements Driver {
  readonly deployment: Deployment;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  async step(step: Step): Promise<Outcome> {
    const handler = VAULT_STEPS[step.do] ?? POOL_STEPS[step.do];
    if (handler === undefined) throw new Error(`the EVM driver knows no step ${step.do}`);
    try {
      return await handler(new StepContext(this.deployment, step));
    } catch (error) {
      if (error instanceof EvmRevert) return { revert: error.code };
      throw error;
    }
  }

  state(): Promise<Outcome> {
    return readState(this.deployment);
  }
}
