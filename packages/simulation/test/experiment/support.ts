/** Experiments of tests, from TOML. */
import {
  createSimulation,
  type Experiment,
  loadResources,
  parseExperiment,
  type ScenarioHooks,
  type Simulation,
} from '@balancer/simulation';

/** A 50/50 pool of 2000 under volatile prices, with what is added. */
export function experiment(more = '', top = ''): Experiment {
  return parseExperiment(`
name = "test"
seed = 7
${top}
[pool]
tokens = ["ETH", "CASH"]
weights = [0.5, 0.5]
value = 2000
swapFee = 0.003
[time]
steps = 500
[price.ETH]
process = "gbm"
sigma = 0.8
start = 100
${more}`);
}

export const ARB = '[[agents]]\ntype = "arb.closedForm"\n';
export const NOISE = '[[agents]]\ntype = "noise"\nperDay = 100\nmeanSize = 5\n';

export async function simulationOf(
  config: Experiment,
  hooks: ScenarioHooks = {},
  repetition = 0,
): Promise<Simulation> {
  return createSimulation(
    config,
    await loadResources(config, '.'),
    { repetition, run: repetition },
    hooks,
  );
}
