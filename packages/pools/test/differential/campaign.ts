/**
 * Many random worlds, one after the other, each reproducible from its own seed: world `i` of a campaign
 * has seed `seed + i` and the pools of `WORLDS[i mod WORLDS.length]`. A campaign can therefore be cut
 * into ranges that run in different processes or on different days.
 *
 * @module
 */
import { asyncProperty, check, sample } from 'fast-check';
import type { Scenario } from '../evm/scenario.ts';
import { EngineDriver } from './engine-driver.ts';
import { type Plan, planOf, type PlanSize, scenarioOf } from './plan.ts';
import { type Comparison, DifferenceError, Recorder, replay, type Trace } from './trace.ts';
import { WORLDS } from './worlds.ts';

const USUAL_SIZE: PlanSize = { minSteps: 30, maxSteps: 60 };

/** What one world of a campaign gave. */
export interface WorldReport extends Comparison {
  readonly seed: number;
  readonly kinds: string;
  /** The difference, if there was one, already shrunk. */
  readonly difference: DifferenceError | undefined;
}

/** The worlds of a campaign against the bytecode, on one chain. */
export class Campaign {
  private readonly recorder: Recorder;

  private readonly size: PlanSize;

  private constructor(recorder: Recorder, size: PlanSize) {
    this.recorder = recorder;
    this.size = size;
  }

  /** @param size - Part of what a seed stands for: another size gives other worlds. */
  static async create(size: PlanSize = USUAL_SIZE): Promise<Campaign> {
    const anyScenario = scenarioOf({ kinds: ['weighted-1'], numbers: [0], steps: [] });
    return new Campaign(await Recorder.create(anyScenario), size);
  }

  /** The trace of world `seed`, as the bytecode wrote it. */
  record(seed: number): Promise<Trace> {
    return this.recorder.recordPlan(planOfSeed(seed, this.size));
  }

  /** The trace of a given history. */
  recordScenario(scenario: Scenario): Promise<Trace> {
    return this.recorder.recordScenario(scenario);
  }

  /** Runs world `seed`; on a difference looks for a smaller plan that still shows one. */
  async run(seed: number, { shrink = true } = {}): Promise<WorldReport> {
    const kinds = worldOf(seed).join(', ');
    try {
      const trace = await this.record(seed);
      const compared = await replay(trace, new EngineDriver(trace.scenario));
      return { seed, kinds, ...compared, difference: undefined };
    } catch (error) {
      if (!(error instanceof DifferenceError)) throw error;
      const difference = shrink ? await this.shrink(seed, error) : error;
      return { seed, kinds, steps: error.stepIndex, quotes: 0, reverts: 0, difference };
    }
  }

  private async shrink(seed: number, first: DifferenceError): Promise<DifferenceError> {
    let smallest = first;
    const agrees = asyncProperty(arbitraryOf(seed, this.size), async (plan) => {
      const trace = await this.recorder.recordPlan(plan);
      try {
        await replay(trace, new EngineDriver(trace.scenario));
      } catch (error) {
        if (error instanceof DifferenceError) smallest = smaller(smallest, error);
        throw error;
      }
    });
    await check(agrees, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINK_MS });
    return smallest;
  }
}

/** Shrinking helps to read a difference, it does not have to be perfect. */
const SHRINK_MS = 60_000;

function smaller(a: DifferenceError, b: DifferenceError): DifferenceError {
  return b.scenario.steps.length < a.scenario.steps.length ? b : a;
}

function worldOf(seed: number): (typeof WORLDS)[number] {
  return WORLDS[seed % WORLDS.length]!;
}

function arbitraryOf(seed: number, size: PlanSize): ReturnType<typeof planOf> {
  return planOf(worldOf(seed), size);
}

function planOfSeed(seed: number, size: PlanSize): Plan {
  const [plan] = sample(arbitraryOf(seed, size), { seed, numRuns: 1 });
  if (plan === undefined) throw new Error('fast-check drew no plan');
  return plan;
}
