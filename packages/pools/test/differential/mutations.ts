/**
 * Flips every rounding of the engine, one at a time, and says which flips the suite notices:
 *
 *   npm run mutations -w packages/pools                        eight worlds of every sort, and the examples
 *   npm run mutations -w packages/pools -- --worlds 200 --seed 40
 *   npm run mutations -w packages/pools -- --only stable,weights   flips whose name has one of these in it
 *
 * Exits 1 when a flip was missed that `equivalent-mutants.ts` does not explain.
 *
 * @module
 */
import { parseArgs } from 'node:util';
import { array, nat, noBias, sample } from 'fast-check';
import type { Scenario } from '../evm/scenario.ts';
import { Campaign } from './campaign.ts';
import { Dice } from './dice.ts';
import { EXAMPLES } from './examples.ts';
import { EQUIVALENT } from './equivalent-mutants.ts';
import { roundingMutants } from './mutants.ts';
import { allVectors, judge } from './mutation-run.ts';
import { powersOf } from './powers.ts';
import { FULL_RING, ROUNDINGS } from './roundings.ts';
import { SIZES } from './sizes.ts';
import type { Trace } from './trace.ts';
import { WORLDS } from './worlds.ts';

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: String(WORLDS.length * 8) },
    seed: { type: 'string', default: '0' },
    only: { type: 'string', default: '' },
  },
});

const campaign = await Campaign.create();
let traces: Trace[] = [];
for (const example of [...Object.values({ ...ROUNDINGS, ...SIZES, ...EXAMPLES }), FULL_RING]) {
  // oxlint-disable-next-line no-await-in-loop -- one chain records one world after the other
  traces.push(await campaign.recordScenario(example));
}
for (let i = 0; i < Number(values.worlds); i++) {
  // oxlint-disable-next-line no-await-in-loop -- one chain records one world after the other
  traces.push(await campaign.record(Number(values.seed) + i));
}
traces.push(await campaign.recordScenario(formulas()));
const vectors = allVectors();
const asked = values.only.split(',');
const mutants = (await roundingMutants()).filter(({ name }) =>
  asked.some((part) => name.includes(part)),
);
console.log(`${traces.length} worlds, ${vectors.length} known answers, ${mutants.length} flips`);
if ((await judge(null, traces, vectors)) !== null) {
  throw new Error('the engine itself differs; run the differential suite');
}

/** A history that asks the formulas alone, often enough to meet what one number in a thousand shows. */
function formulas(): Scenario {
  const { steps: _, ...world } = EXAMPLES['a managed pool accrues no fee in recovery mode']!;
  const number = noBias(nat({ max: 2 ** 32 - 1 }));
  const numbers = array(number, { minLength: 997, maxLength: 997, size: 'max' });
  const steps = sample(numbers, { seed: Number(values.seed), numRuns: 60 }).map((drawn) =>
    powersOf(new Dice(drawn), world.pools[0]!.name, 200),
  );
  return { ...world, steps };
}

const counts = { trace: 0, vector: 0, equivalent: 0, missed: 0 };
for (const mutant of mutants) {
  // oxlint-disable-next-line no-await-in-loop -- each loads a copy of the engine
  const verdict = await judge(mutant, traces, vectors);
  const reason = EQUIVALENT[mutant.name];
  if (verdict !== null) counts[verdict.by]++;
  else if (reason === undefined) counts.missed++;
  else counts.equivalent++;
  if (verdict?.by === 'trace') {
    // What noticed one flip is likely to notice the next.
    const { trace } = verdict;
    traces = [traces[trace]!, ...traces.slice(0, trace), ...traces.slice(trace + 1)];
  }
  const said =
    verdict === null
      ? (reason ?? 'MISSED')
      : verdict.by === 'trace'
        ? 'noticed'
        : `noticed by known answer ${verdict.id}`;
  console.log(`${mutant.name} (line ${mutant.line}): ${said}`);
}
const { trace, vector, equivalent, missed } = counts;
console.log(
  `${mutants.length} flips: ${trace} noticed beside the bytecode, ${vector} by known answers, ` +
    `${equivalent} equivalent, ${missed} missed`,
);
process.exitCode = missed > 0 ? 1 : 0;
