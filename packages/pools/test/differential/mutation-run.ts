/**
 * Which of the mutants the suite notices.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import type { VectorCase } from '../../src/vectors/case.ts';
import { readVectors } from '../vectors/run.ts';
import { type Mutant, type MutantEngine, withMutant } from './mutants.ts';
import { replay, type Trace } from './trace.ts';

/** What noticed a mutant: a trace by its place in the list, a known answer by its id, or nothing. */
export type Verdict =
  | { readonly by: 'trace'; readonly trace: number }
  | { readonly by: 'vector'; readonly id: string }
  | null;

/** All known answers of the package. */
export function allVectors(): VectorCase[] {
  const folder = new URL('../vectors/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readVectors(name).cases);
}

/** The first trace that tells the mutant from the bytecode, or else the first known answer. */
export function judge(
  mutant: Mutant | null,
  traces: readonly Trace[],
  vectors: readonly VectorCase[],
): Promise<Verdict> {
  return withMutant(mutant, async (engine) => {
    for (const [trace, recorded] of traces.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- the first difference is enough
      if (await differs(engine, recorded)) return { by: 'trace', trace };
    }
    const caught = vectors.find((vector) => engine.replayCase(vector) !== null);
    return caught === undefined ? null : { by: 'vector', id: caught.id };
  });
}

async function differs({ EngineDriver }: MutantEngine, trace: Trace): Promise<boolean> {
  try {
    await replay(trace, new EngineDriver(trace.scenario));
    return false;
  } catch (error) {
    // The copy has its own modules, so its errors are known by name; any other is a broken mutant.
    if (error instanceof Error && error.name === 'DifferenceError') return true;
    throw error;
  }
}
