import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Campaign } from './campaign.ts';
import { EngineDriver } from './engine-driver.ts';
import { EXAMPLES } from './examples.ts';
import { EQUIVALENT } from './equivalent-mutants.ts';
import { type Mutant, roundingMutants } from './mutants.ts';
import { allVectors, judge } from './mutation-run.ts';
import { FULL_RING, ROUNDINGS } from './roundings.ts';
import { SIZES } from './sizes.ts';
import { DifferenceError, replay, type Trace } from './trace.ts';
import { WORLDS } from './worlds.ts';

const isLong = process.env['BALANCER_TEST_LONG'] !== undefined;
const seed = Number(process.env['BALANCER_SEED'] ?? 0);

/** Flips of roundings that a short run judges; `npm run mutations` judges all of them. */
const SAMPLE = [
  'src/math/log-exp.ts expPositive division#9',
  'src/math/protocol-fees.ts bptForOwnership quotientDown#1',
  'src/math/stable.ts invariantOf2022 divDown#1',
  'src/math/weighted.ts tokenInGivenExactBptOut divUp#1',
  'src/v2/pools/shared.ts subtractSwapFee mulUp#1',
];

describe('the V2 engine beside the deployed bytecode', () => {
  let campaign: Campaign;
  const traces: Trace[] = [];
  const total = { steps: 0, quotes: 0, reverts: 0 };

  beforeAll(async () => {
    campaign = await Campaign.create(
      isLong ? { minSteps: 30, maxSteps: 60 } : { minSteps: 10, maxSteps: 16 },
    );
  });

  afterAll(() => {
    const { steps, quotes, reverts } = total;
    console.log(`compared ${steps} steps, ${quotes} quotes; ${reverts} steps reverted`);
  });

  const worlds = Array.from(
    { length: isLong ? WORLDS.length * 4 : WORLDS.length },
    (_, i) => seed + i,
  );
  test.each(worlds)(
    'gives the same results, reverts and states in world %i',
    async (world) => {
      const trace = await campaign.record(world);
      traces.push(trace);
      const compared = await replay(trace, new EngineDriver(trace.scenario)).catch(
        (error: unknown) => {
          if (error instanceof DifferenceError)
            error.message = `BALANCER_SEED=${world}: ${error.message}`;
          throw error;
        },
      );
      total.steps += compared.steps;
      total.quotes += compared.quotes;
      total.reverts += compared.reverts;
      expect(compared.steps).toBe(trace.scenario.steps.length);
    },
    60_000,
  );

  test.each(Object.entries(EXAMPLES))(
    'agrees where it once did not: %s',
    async (_, scenario) => {
      const trace = await campaign.recordScenario(scenario);
      await expect(replay(trace, new EngineDriver(trace.scenario))).resolves.toMatchObject({
        steps: scenario.steps.length,
      });
    },
    60_000,
  );

  const roundings = { ...ROUNDINGS, ...SIZES, ...(isLong && { 'a full oracle': FULL_RING }) };
  test.each(Object.entries(roundings))(
    'agrees where one rounding shows: %s',
    async (_, scenario) => {
      const trace = await campaign.recordScenario(scenario);
      await expect(replay(trace, new EngineDriver(trace.scenario))).resolves.toMatchObject({
        steps: scenario.steps.length,
      });
    },
    60_000,
  );

  describe('notices one rounding that goes the other way', () => {
    let mutants: readonly Mutant[];
    const vectors = allVectors();
    beforeAll(async () => {
      mutants = await roundingMutants();
    });

    test.each(SAMPLE)(
      '%s',
      async (name) => {
        const mutant = mutants.find((found) => found.name === name);
        if (mutant === undefined) throw new Error(`there is no rounding ${name}`);
        await expect(judge(mutant, traces, vectors)).resolves.not.toBeNull();
      },
      60_000,
    );

    test('knows every flip that it calls equivalent', () => {
      const names = new Set(mutants.map(({ name }) => name));
      expect(Object.keys(EQUIVALENT).filter((name) => !names.has(name))).toEqual([]);
      expect(names.size).toBe(mutants.length);
    });

    test('calls nothing noticed where nothing was flipped', async () => {
      await expect(judge(null, traces, vectors)).resolves.toBeNull();
    });
  });
});
