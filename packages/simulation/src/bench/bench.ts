/**
 * What runs cost on this machine: the figures of `balancer sim bench` and of `npm run bench`.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { kernelQuestions } from './kernels.ts';
import { measure, type Measured } from './measure.ts';
import { wholeQuestions, withScratch } from './wholes.ts';

export interface BenchOptions {
  /** Names of the figures; all when left out. */
  readonly only?: readonly string[];
  /** A tenth of the work in one round, for a look. */
  readonly isQuick?: boolean;
  /** Folder of the study's Python model. */
  readonly pythonModel?: string | null;
  /** Told of each figure as it comes. */
  readonly onMeasured?: (measured: Measured) => void;
}

const ROUNDS = 5;
const QUICK_SHARE = 0.1;

/** Measures one figure after the other. @throws {SimulationError} For a name that is none. */
export async function runBench(options: BenchOptions = {}): Promise<Measured[]> {
  const { only, isQuick = false, pythonModel = null, onMeasured } = options;
  return withScratch(async (folder) => {
    const questions = [...kernelQuestions(pythonModel), ...wholeQuestions(folder)];
    const names = questions.map(({ name }) => name);
    const unknown = only?.find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw new SimulationError(`${unknown}: must be one of ${names.join(', ')}`);
    const measured: Measured[] = [];
    for (const question of questions) {
      if (only !== undefined && !only.includes(question.name)) continue;
      const effort = isQuick ? { rounds: 1, share: QUICK_SHARE } : { rounds: ROUNDS, share: 1 };
      measured.push(await measure(question, effort));
      onMeasured?.(measured.at(-1)!);
    }
    return measured;
  });
}
