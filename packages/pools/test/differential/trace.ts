/* oxlint-disable no-await-in-loop -- one chain runs one call after the other */
/**
 * Records what deployed bytecode makes of a plan, and holds an engine against the record.
 *
 * @module
 */
import { type Base, deployBase, deployScenario } from '../evm/deployment.ts';
import { EvmDriver } from '../evm/evm-driver.ts';
import type { Driver, Json, Outcome, Scenario, Step } from '../evm/scenario.ts';
import { asList } from '../evm/values.ts';
import { type Plan, scenarioOf } from './plan.ts';
import { resolve } from './resolve.ts';

/** A scenario with what the bytecode answered to every step and the whole state after it. */
export interface Trace {
  readonly scenario: Scenario;
  readonly start: Outcome;
  readonly outcomes: readonly Outcome[];
  readonly states: readonly Outcome[];
}

/** How much was compared. */
export interface Comparison {
  /** Operations, each with the whole state after it, and views. */
  readonly steps: number;
  /** Swaps, joins and exits that a pool was asked about at made-up balances. */
  readonly quotes: number;
  readonly reverts: number;
}

/** The engine and the bytecode disagree. The message holds everything needed to see it again. */
export class DifferenceError extends Error {
  override readonly name = 'DifferenceError';
  /** The scenario up to and including the step that differs. */
  readonly scenario: Scenario;
  readonly stepIndex: number;

  constructor(
    trace: Trace,
    stepIndex: number,
    found: { readonly path: string; readonly bytecode: Json; readonly engine: Json },
  ) {
    const { scenario } = trace;
    const short = { ...scenario, steps: scenario.steps.slice(0, stepIndex + 1) };
    const step = JSON.stringify(scenario.steps[stepIndex] ?? 'the start');
    super(
      `step ${stepIndex} ${step}: ${found.path} is ${JSON.stringify(found.engine)}, ` +
        `the bytecode says ${JSON.stringify(found.bytecode)}\nscenario: ${JSON.stringify(short)}`,
    );
    this.scenario = short;
    this.stepIndex = stepIndex;
  }
}

/** Steps that the EVM driver runs as reads. */
const READ_ONLY = /^(get|oracle|query|quotes|liquidityQuotes|powers)/u;

/** A chain with the shared contracts, wound back before every scenario. */
export class Recorder {
  private readonly base: Base;
  private readonly start: {
    readonly position: number;
    readonly time: bigint;
    readonly block: bigint;
  };

  private constructor(base: Base) {
    this.base = base;
    const { chain } = base;
    this.start = { position: chain.position(), time: chain.clock.time, block: chain.clock.block };
  }

  /** @param scenario - Any scenario with the times and windows that all recorded ones share. */
  static async create(scenario: Scenario): Promise<Recorder> {
    return new Recorder(await deployBase(scenario));
  }

  /** Works out the plan against the bytecode, one step after the other. */
  async recordPlan(plan: Plan): Promise<Trace> {
    const scenario = scenarioOf(plan);
    let next = 0;
    return this.record(scenario, (state, time) => {
      const planned = plan.steps[next++];
      return planned && resolve(planned, scenario, state, time);
    });
  }

  /** Runs the steps that a scenario already has. */
  async recordScenario(scenario: Scenario): Promise<Trace> {
    let next = 0;
    return this.record(scenario, () => scenario.steps[next++]);
  }

  private async record(
    scenario: Scenario,
    nextStep: (state: Outcome, time: bigint) => Step | undefined,
  ): Promise<Trace> {
    const { chain } = this.base;
    chain.rollback(this.start.position);
    chain.clock.time = this.start.time;
    chain.clock.block = this.start.block;
    const driver = new EvmDriver(await deployScenario(this.base, scenario));
    const start = await driver.state();
    const steps: Step[] = [];
    const outcomes: Outcome[] = [];
    const states: Outcome[] = [];
    let state = start;
    for (;;) {
      const step = nextStep(state, chain.clock.time);
      if (step === undefined) break;
      const outcome = await driver.step(step);
      // A call that reverted or only asked was undone on the chain, so its state needs no second reading.
      const isQuery = READ_ONLY.test(step.do);
      if (!('revert' in outcome) && !isQuery) state = await driver.state();
      steps.push(step);
      outcomes.push(outcome);
      states.push(state);
    }
    return { scenario: { ...scenario, steps }, start, outcomes, states };
  }
}

/**
 * Runs the trace's steps on an engine and compares outcome and whole state after every one.
 *
 * @throws {DifferenceError} at the first difference.
 */
export async function replay(trace: Trace, engine: Driver): Promise<Comparison> {
  const fail = (stepIndex: number, difference: Difference | undefined): void => {
    if (difference !== undefined) throw new DifferenceError(trace, stepIndex, difference);
  };
  fail(-1, firstDifference(trace.start, await engine.state(), 'state'));
  let reverts = 0;
  let quotes = 0;
  for (const [index, step] of trace.scenario.steps.entries()) {
    const expected = trace.outcomes[index];
    if (expected === undefined) throw new Error(`no outcome was recorded for step ${index}`);
    if ('revert' in expected) reverts++;
    if ('answers' in expected) quotes += asList(expected['answers']).length;
    fail(index, firstDifference(expected, await engine.step(step), 'result'));
    fail(index, firstDifference(trace.states[index], await engine.state(), 'state'));
  }
  return { steps: trace.scenario.steps.length, quotes, reverts };
}

interface Difference {
  readonly path: string;
  readonly bytecode: Json;
  readonly engine: Json;
}

/** First place where two JSON values differ, depth first; nothing when they are equal. */
export function firstDifference(
  bytecode: Json | undefined,
  engine: Json | undefined,
  path: string,
): Difference | undefined {
  if (bytecode === engine) return undefined;
  if (isRecord(bytecode) && isRecord(engine)) {
    for (const key of new Set([...Object.keys(bytecode), ...Object.keys(engine)])) {
      const found = firstDifference(bytecode[key], engine[key], `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return { path, bytecode: bytecode ?? null, engine: engine ?? null };
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}
