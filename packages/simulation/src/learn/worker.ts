/**
 * A worker thread that scores policies.
 *
 * @module
 */
import { serve } from '@balancer/select/workers';
import type { Env } from './env.ts';
import { createEnv } from './envs.ts';
import { type NetShape, netPolicy, type Normaliser } from './policy-net.ts';
import type { PoolEnvOptions } from './pool-envs.ts';
import { meanReturn, type SeedRange } from './train.ts';

export interface ScoreTask {
  readonly env: string;
  readonly options: PoolEnvOptions;
  readonly shape: NetShape;
  readonly normaliser: Normaliser;
  readonly weights: readonly number[];
  readonly seeds: SeedRange;
}

let known: { readonly key: string; readonly env: Env<unknown> } | null = null;

serve<ScoreTask>(({ env: name, options, shape, normaliser, weights, seeds }) => {
  const key = JSON.stringify([name, options]);
  if (known?.key !== key) known = { key, env: createEnv(name, options) };
  const { env } = known;
  return meanReturn(env, netPolicy(env.actionSpace, { shape, weights, normaliser }), seeds);
});
