/**
 * `balancer sim train`, `evaluate` and `env`: learners on the pool environments.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createProgress, EXIT, messageOf } from '@balancer/kit';
import {
  arbitrageEnv,
  type Checkpoint,
  type Env,
  evaluate,
  feeControlEnv,
  type Summary,
  trainLinear,
  weightsControlEnv,
} from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface TrainFlags {
  readonly seed: string;
  readonly seconds: number;
  readonly out: string;
}

const ENVS = {
  'fee-control': feeControlEnv,
  'weights-control': weightsControlEnv,
  arbitrage: arbitrageEnv,
} as const;

/** Trains a linear policy and writes its checkpoint. */
export async function train(name: string, flags: TrainFlags, io: Io): Promise<number> {
  const progress = createProgress({ label: `train ${name}`, stream: io.stderr });
  const checkpoint = trainLinear(oneNumberEnv(name), {
    env: name,
    seed: BigInt(flags.seed),
    generations: 10_000,
    population: 40,
    episodes: 12,
    budgetMs: flags.seconds * 1000,
    onGeneration: (generation, best) =>
      progress.update(generation + 1, `best mean return ${best.toFixed(3)}`),
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
  const result = evaluate(oneNumberEnv(checkpoint.env), checkpoint, {
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
    line('policy', result.policy);
    line(`constant ${result.bestConstant.level.toFixed(3)}`, result.bestConstant);
    line('random', result.random);
  }
  return EXIT.ok;
}

/**
 * Speaks JSON lines: `{"do":"reset","seed":1}`, `{"do":"step","action":[0.5]}`, `{"do":"spaces"}`,
 * `{"do":"close"}`; each gets one line back, `{"error":...}` where it was wrong.
 */
export async function serveEnv(name: string, io: Io): Promise<number> {
  const env = envOf(name);
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

function envOf(name: string): Env<never> {
  if (!Object.hasOwn(ENVS, name))
    throw new UsageError(`${name}: must be one of ${Object.keys(ENVS).join(', ')}`);
  return ENVS[name as keyof typeof ENVS]() as Env<never>;
}

/** The environments whose action a linear policy gives. */
function oneNumberEnv(name: string): Env<Float64Array> {
  if (name !== 'fee-control')
    throw new UsageError(
      `${name}: the linear learner covers fee-control; drive the others with balancer sim env`,
    );
  return feeControlEnv();
}

function readCheckpoint(file: string): Checkpoint {
  try {
    const checkpoint = JSON.parse(readFileSync(file, 'utf8')) as Checkpoint;
    if (checkpoint.format === 'simulation-policy/1') return checkpoint;
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${messageOf(error)}`);
  }
  throw new UsageError(`${file}: is no checkpoint of balancer sim train`);
}
