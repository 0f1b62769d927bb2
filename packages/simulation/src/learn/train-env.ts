/**
 * Trains on an environment by its name, with the population on worker threads.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { WorkerPool } from '@balancer/select/workers';
import { threadModule } from '../threads.ts';
import { createEnv } from './envs.ts';
import { normaliserOf, outputsOf } from './policy-net.ts';
import { DEFAULT_POOL_ENV, type PoolEnvOptions } from './pool-envs.ts';
import { trainQTable } from './q-learning.ts';
import { Discrete, MultiDiscrete } from './spaces.ts';
import { type Checkpoint, type ScoreNets, trainNet, type TrainOptions } from './train.ts';
import type { ScoreTask } from './worker.ts';

export interface TrainEnvOptions extends Omit<TrainOptions, 'score'> {
  readonly env: string;
  /** Default: the cross-entropy method. */
  readonly method?: 'cem' | 'q-learning';
  /** Threads for the population; 0, the default, is the calling one. They change nothing but the time. */
  readonly workers?: number;
  readonly envOptions?: PoolEnvOptions;
}

/** @throws {SimulationError} For an environment that there is not, or actions that the method cannot take. */
export async function trainEnv(options: TrainEnvOptions): Promise<Checkpoint> {
  const { env: name, seed, method = 'cem', envOptions = DEFAULT_POOL_ENV } = options;
  const env = createEnv(name, envOptions);
  const configHash = createHash('sha256')
    .update(JSON.stringify([name, envOptions]))
    .digest('hex')
    .slice(0, 16);
  const base = {
    format: 'simulation-policy/2',
    env: name,
    seed: String(seed),
    configHash,
  } as const;
  if (method === 'q-learning') {
    const { budgetMs, generations, onGeneration } = options;
    const table = trainQTable(env, {
      seed,
      episodes: generations,
      ...(budgetMs !== undefined && { budgetMs }),
      ...(onGeneration && { onEpisode: onGeneration }),
    });
    return { ...base, kind: 'q-table', table, curve: table.curve };
  }
  const { workers = 0, hidden = 0 } = options;
  if (workers === 0) return { ...base, kind: 'network', ...(await trainNet(env, options)) };
  const { file, execArgv } = threadModule('learn/worker');
  const pool = new WorkerPool(file, { size: workers, name: 'learner', worker: { execArgv } });
  const normaliser = normaliserOf(env.fields);
  const outputs = outputsOf(env.actionSpace);
  const shape = { inputs: env.fields.length, hidden, outputs };
  const score: ScoreNets = async (nets, seeds) =>
    Promise.all(
      nets.map(async (weights) => {
        const task: ScoreTask = {
          env: name,
          options: envOptions,
          shape,
          normaliser,
          weights,
          seeds,
        };
        return pool.run<number>(task);
      }),
    );
  try {
    return { ...base, kind: 'network', ...(await trainNet(env, { ...options, score })) };
  } finally {
    await pool.close();
  }
}

/** Whether Q-learning can act in an environment. */
export function isDiscrete(name: string): boolean {
  const { actionSpace } = createEnv(name);
  return actionSpace instanceof Discrete || actionSpace instanceof MultiDiscrete;
}
