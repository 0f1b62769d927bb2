/**
 * Environments: a pool that a learner acts on, step by step, in the shape of Gymnasium.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import type { Stream } from '../random/stream.ts';
import type { Space } from './spaces.ts';

export interface ResetOptions {
  readonly seed: bigint;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface StepResult {
  readonly observation: Float64Array;
  readonly reward: number;
  /** The task is over. */
  readonly terminated: boolean;
  /** Time is up. */
  readonly truncated: boolean;
  readonly info: Readonly<Record<string, number>>;
}

/** One entry of an observation. */
export interface ObservationField {
  readonly name: string;
  readonly unit: string;
  readonly low: number;
  readonly high: number;
}

/** Same seed and actions give the same trajectory. */
export interface Env<A> {
  readonly observationSpace: Space<Float64Array>;
  readonly actionSpace: Space<A>;
  readonly fields: readonly ObservationField[];
  reset(options: ResetOptions): {
    readonly observation: Float64Array;
    readonly info: Readonly<Record<string, number>>;
  };
  /** @throws {SimulationError} After the end, before `reset`, and for an action outside of its space. */
  step(action: A): StepResult;
  close(): void;
}

/** Guards of an environment's calls. */
export class EnvGuard {
  #state: 'new' | 'running' | 'over' | 'closed' = 'new';

  started(): void {
    if (this.#state === 'closed')
      throw new SimulationError('the environment is closed; make another');
    this.#state = 'running';
  }

  requireStep<A>(space: Space<A>, action: A): void {
    if (this.#state !== 'running') {
      throw new SimulationError(
        `the episode ${this.#state === 'over' ? 'is over' : 'has not begun'}; call reset`,
      );
    }
    if (!space.contains(action))
      throw new SimulationError(`action ${JSON.stringify(action)} is not in the action space`);
  }

  ended(): void {
    this.#state = 'over';
  }

  close(): void {
    this.#state = 'closed';
  }
}

/** Several copies that step together; one that ends starts anew with the next seed. */
export class VectorEnv<A> {
  readonly envs: readonly Env<A>[];
  #nextSeed = 0n;

  constructor(make: () => Env<A>, n: number) {
    this.envs = Array.from({ length: n }, make);
  }

  reset({ seed }: { readonly seed: bigint }): Float64Array[] {
    this.#nextSeed = seed + BigInt(this.envs.length);
    return this.envs.map((env, i) => env.reset({ seed: seed + BigInt(i) }).observation);
  }

  /** Observations of ended copies are those of their next episode. */
  step(actions: readonly A[]): StepResult[] {
    return this.envs.map((env, i) => {
      const result = env.step(actions[i]!);
      if (!result.terminated && !result.truncated) return result;
      return { ...result, observation: env.reset({ seed: this.#nextSeed++ }).observation };
    });
  }

  close(): void {
    for (const env of this.envs) env.close();
  }
}

/** Chooses actions. */
export type Policy<A> = (observation: Float64Array, stream: Stream) => A;

/** Sum of the rewards of one episode. */
export function episodeReturn<A>(
  env: Env<A>,
  policy: Policy<A>,
  options: { readonly seed: bigint; readonly stream: Stream },
): number {
  let { observation } = env.reset({ seed: options.seed });
  let total = 0;
  for (;;) {
    const result = env.step(policy(observation, options.stream));
    total += result.reward;
    if (result.terminated || result.truncated) return total;
    observation = result.observation;
  }
}
