/**
 * `balancer sim train`, `evaluate` and `env`: learners on the pool environments.
 *
 * @module
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { createProgress, EXIT, messageOf } from '@balancer/kit';
import {
  checkpointPolicy,
  createEnv,
  type Env,
  ENV_NAMES,
  evaluate,
  fitsEnv,
  readCheckpoint,
  type Summary,
  trainEnv,
} from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface TrainFlags {
  readonly seed: string;
  readonly seconds: number;
  readonly out: string;
  readonly method?: string;
  readonly hidden: number;
  readonly workers?: number;
}

/** More than any budget of time allows. */
const GENERATIONS_MAX = 1_000_000;
/** Exploration falls over this many episodes of Q-learning. */
const EPISODES = 2000;

/** Trains a policy and writes its checkpoint. */
export async function train(name: string, flags: TrainFlags, io: Io): Promise<number> {
  requireEnv(name);
  const { method = 'cem', hidden, seconds } = flags;
  if (method !== 'cem' && method !== 'q-learning')
    throw new UsageError(`--method: must be cem or q-learning; got ${method}`);
  if (!/^-?\d+$/.test(flags.seed))
    throw new UsageError(`--seed: must be an integer; got ${flags.seed}`);
  const progress = createProgress({ label: `train ${name}`, stream: io.stderr });
  const checkpoint = await trainEnv({
    env: name,
    method,
    hidden,
    seed: BigInt(flags.seed),
    generations: method === 'cem' ? GENERATIONS_MAX : EPISODES,
    population: 40,
    episodes: 12,
    budgetMs: seconds * 1000,
    // A short training is over before threads have started.
    workers: flags.workers ?? (seconds < 10 ? 0 : availableParallelism()),
    onGeneration: (generation, best) =>
      progress.update(generation + 1, `return ${best.toFixed(3)}`),
  });
  progress.finish();
  writeFileSync(flags.out, `${JSON.stringify(checkpoint)}\n`);
  io.stdout.write(`${flags.out}\n`);
  return EXIT.ok;
}

/** Prints a policy beside its baselines on held-out markets. */
export async function evaluateFile(
  file: string,
  flags: { readonly episodes: number; readonly json?: boolean },
  io: Io,
): Promise<number> {
  const checkpoint = readCheckpoint(file);
  requireEnv(checkpoint.env);
  const env = createEnv(checkpoint.env);
  if (!fitsEnv(env, checkpoint))
    throw new UsageError(`${file}: its sizes are not those of ${checkpoint.env}; train it again`);
  const result = evaluate(env, checkpointPolicy(env, checkpoint), {
    first: 900_000n,
    count: flags.episodes,
  });
  if (flags.json === true) io.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const line = (name: string, { mean, low, high }: Summary): void =>
      void io.stdout.write(
        `${name.padEnd(16)} ${mean.toFixed(3).padStart(10)}  (${low.toFixed(3)} to ${high.toFixed(3)})\n`,
      );
    io.stdout.write(
      `mean return of ${flags.episodes} markets, with the 95 % interval of the mean\n`,
    );
    const constant = [result.bestConstant.action].flat() as readonly number[];
    line('policy', result.policy);
    line(
      `constant ${constant.map((each) => Number(each.toFixed(3))).join(' ')}`,
      result.bestConstant,
    );
    line('random', result.random);
  }
  return EXIT.ok;
}

/**
 * Speaks JSON lines: `{"do":"reset","seed":1}`, `{"do":"step","action":[0.5]}`, `{"do":"spaces"}`,
 * `{"do":"close"}`; each gets one line back, `{"error":...}` where it was wrong.
 */
export async function serveEnv(name: string, io: Io): Promise<number> {
  requireEnv(name);
  const env = createEnv(name) as Env<never>;
  for await (const line of createInterface({ input: io.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') continue;
    const { answer, isOver } = answerTo(env, line);
    io.stdout.write(`${JSON.stringify(answer)}\n`);
    if (isOver) break;
  }
  env.close();
  // A pipe that its other end keeps open would keep this process alive.
  io.stdin.destroy();
  return EXIT.ok;
}

function answerTo(
  env: Env<never>,
  line: string,
): { readonly answer: unknown; readonly isOver: boolean } {
  try {
    const message = JSON.parse(line) as {
      readonly do?: string;
      readonly seed?: number;
      readonly action?: unknown;
    };
    switch (message.do) {
      case 'spaces':
        return { answer: { actionSpace: env.actionSpace, fields: env.fields }, isOver: false };
      case 'reset': {
        const { observation, info } = env.reset({ seed: BigInt(message.seed ?? 0) });
        return { answer: { observation: [...observation], info }, isOver: false };
      }
      case 'step': {
        const result = env.step(message.action as never);
        return { answer: { ...result, observation: [...result.observation] }, isOver: false };
      }
      case 'close':
        return { answer: { closed: true }, isOver: true };
      case undefined:
      default:
        return { answer: { error: 'do: must be spaces, reset, step or close' }, isOver: false };
    }
  } catch (error) {
    return { answer: { error: messageOf(error) }, isOver: false };
  }
}

function requireEnv(name: string): void {
  if (!(ENV_NAMES as readonly string[]).includes(name))
    throw new UsageError(`${name}: must be one of ${ENV_NAMES.join(', ')}`);
}
