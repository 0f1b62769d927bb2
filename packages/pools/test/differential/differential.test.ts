import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Campaign } from './campaign.ts';
import { EngineDriver } from './engine-driver.ts';
import { EXAMPLES } from './examples.ts';
import { type Mutant, roundingMutants, withMutant } from './mutants.ts';
import { DifferenceError, replay, type Trace } from './trace.ts';
import { WORLDS } from './worlds.ts';

const isLong = process.env['BALANCER_TEST_LONG'] !== undefined;
const seed = Number(process.env['BALANCER_SEED'] ?? 0);

/** Calls that the short traces are known to reach: file, which call of the function in it, function. */
const CAUGHT: [string, number, string][] = [
  ['src/math/stable.ts', 5, 'divDown'],
  ['src/math/stable.ts', 3, 'divUp'],
  ['src/math/stable.ts', 4, 'divUp'],
  ['src/math/stable.ts', 7, 'divDown'],
  ['src/math/stable.ts', 8, 'divUp'],
  ['src/math/weighted.ts', 0, 'powUp'],
  ['src/math/weighted.ts', 1, 'powUp'],
  ['src/math/weighted.ts', 4, 'divUp'],
  ['src/math/weighted.ts', 4, 'divDown'],
  ['src/math/weighted.ts', 4, 'mulUp'],
  ['src/math/weighted.ts', 7, 'divUp'],
  ['src/math/weighted.ts', 9, 'mulDown'],
  ['src/math/weighted.ts', 4, 'powUp'],
  ['src/math/weighted.ts', 8, 'divDown'],
  ['src/v2/pools/composable-fees.ts', 1, 'mulDown'],
  ['src/v2/pools/composable.ts', 1, 'downscaleDown'],
  ['src/v2/pools/linear.ts', 0, 'downscaleDown'],
  ['src/v2/pools/shared.ts', 0, 'mulUp'],
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
    { length: isLong ? WORLDS.length * 20 : WORLDS.length },
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

  describe('notices one call that rounds the other way', () => {
    let mutants: Mutant[];
    beforeAll(async () => {
      mutants = await roundingMutants();
    });

    // Each costs a copy of the engine, so the short run takes every third.
    test.each(isLong ? CAUGHT : CAUGHT.filter((_, index) => index % 3 === 0))(
      '%s, call %i of %s',
      async (file, index, called) => {
        const sites = mutants.filter(
          ({ name }) => name.startsWith(file) && name.includes(` ${called} ->`),
        );
        const mutant = sites[index];
        if (mutant === undefined) throw new Error(`${file} has no call ${index} of ${called}`);
        const isCaught = await withMutant(mutant, async ({ EngineDriver: Mutated }) => {
          for (const trace of traces) {
            try {
              // oxlint-disable-next-line no-await-in-loop -- the first difference is enough
              await replay(trace, new Mutated(trace.scenario));
            } catch (error) {
              // The copy has its own modules, so its errors are known by name.
              if (error instanceof DifferenceError) return true;
              throw error;
            }
          }
          return false;
        });
        expect(isCaught).toBe(true);
      },
      60_000,
    );
  });
});
