/**
 * Reads the scenarios of the known-answer files, which write a single pool's kind and rates beside the
 * pool instead of inside it.
 *
 * @module
 */
import type { Outcome, PoolKind, PoolSpec, Scenario } from './scenario.ts';

/** A case of a `pools-vectors/1` file. */
export interface VectorCase {
  readonly id: string;
  readonly op: string;
  readonly in: Head;
  readonly out?: readonly Outcome[];
}

type Defaulted = 'protocolSwapFee' | 'pauseWindowDuration' | 'bufferPeriodDuration';

/** The head of a case as the files write it. */
type Head = Omit<Scenario, 'pools' | Defaulted> &
  Partial<Pick<Scenario, Defaulted>> &
  Partial<Pick<PoolSpec, 'type' | 'main' | 'wrapped' | 'wrappedRate'>> & {
    readonly pools?: readonly (PoolSpec & { readonly type?: PoolKind })[];
    readonly pool?: PoolSpec;
  };

/** The scenario of a case whose `op` is `vault.scenario` or `oracle.scenario`, and what each step gives. */
export function vectorScenario(found: VectorCase): {
  readonly scenario: Scenario;
  readonly out: readonly Outcome[];
} {
  const { main, wrapped, wrappedRate, type, pool: single, pools = [], ...head } = found.in;
  const linear = main === undefined ? {} : { main, wrapped, wrappedRate };
  const specs = single === undefined ? pools : [single];
  const scenario: Scenario = {
    protocolSwapFee: '0',
    pauseWindowDuration: '7776000',
    bufferPeriodDuration: '2592000',
    ...head,
    pools: specs.map((spec) =>
      Object.assign({ type }, linear, spec, { address: spec.address.toLowerCase() }),
    ),
  };
  return { scenario, out: found.out ?? [] };
}
