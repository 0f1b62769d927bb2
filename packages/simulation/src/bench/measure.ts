/**
 * Measures what runs cost: rounds in alternating order, processor time instead of wall time, so that
 * other work on the machine counts little, and medians.
 *
 * @module
 */

/** One way to do the work of a figure. */
export interface Contender {
  readonly name: string;
  /** Operations of a round. */
  readonly count: number;
  readonly run: (count: number) => unknown;
  /** Of what cannot be measured from here, such as another process: operations a second, by itself. */
  readonly rate?: () => Promise<number>;
}

/** What a figure asks, and who answers; the first is ours. */
export interface Question {
  readonly name: string;
  readonly question: string;
  /** Operations a second that are aimed at; null where there is no aim. */
  readonly goal: number | null;
  readonly contenders: readonly Contender[];
}

export interface Measured {
  readonly name: string;
  readonly question: string;
  readonly goal: number | null;
  readonly rates: readonly {
    readonly name: string;
    /** Median, operations a second of processor time. */
    readonly rate: number;
    /** How many times ours is as fast; 1 for ours. */
    readonly ratio: number;
    readonly rounds: readonly number[];
  }[];
}

/** Rounds before the first one, each of so small a part of the work. */
const WARMUPS = 4;

/** Keeps results alive, so that no compiler drops the work. */
const sink: { value: unknown } = { value: null };

/** @param share - Part of the usual work of a round, for a quick look. */
export async function measure(
  { name, question, goal, contenders }: Question,
  { rounds, share }: { readonly rounds: number; readonly share: number },
): Promise<Measured> {
  const counts = contenders.map(({ count }) => Math.max(1, Math.ceil(count * share)));
  const all = contenders.map((): number[] => []);
  for (const [i, { run, rate }] of contenders.entries()) {
    for (let warmup = 0; rate === undefined && warmup < WARMUPS; warmup++)
      sink.value = await run(Math.max(1, Math.ceil(counts[i]! / WARMUPS)));
  }
  for (let round = 0; round < rounds; round++) {
    const places = contenders.map((_each, i) => i);
    for (const i of round % 2 === 0 ? places : places.toReversed()) {
      const { run, rate } = contenders[i]!;
      all[i]!.push(rate === undefined ? await rateOf(run, counts[i]!) : await rate());
    }
  }
  const medians = all.map((list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!);
  return {
    name,
    question,
    goal,
    rates: contenders.map((contender, i) => ({
      name: contender.name,
      rate: medians[i]!,
      ratio: medians[0]! / medians[i]!,
      rounds: all[i]!,
    })),
  };
}

/** A measurement as lines for people. */
export function formatMeasured({ question, goal, rates }: Measured): string {
  const [ours] = rates;
  const aim =
    goal === null
      ? ''
      : ` Aim: ${shownRate(goal)}/s, ${ours!.rate >= goal ? 'met' : 'missed'} (${(ours!.rate / goal).toPrecision(3)} of it).`;
  const lines = rates.map(({ name, rate, ratio, rounds }) => {
    const compared = ratio === 1 ? '' : `ours is ${ratio.toPrecision(3)} x`;
    return `  ${name.padEnd(44)} ${shownRate(rate).padStart(8)}/s  ${compared.padEnd(18)} [${rounds.map(shownRate).join(' ')}]`;
  });
  return [`${question}${aim}`, ...lines, ''].join('\n');
}

async function rateOf(run: Contender['run'], count: number): Promise<number> {
  const before = process.cpuUsage();
  sink.value = await run(count);
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
}

function shownRate(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toPrecision(3)} M`;
  return rate >= 1e3 ? `${(rate / 1e3).toPrecision(3)} k` : rate.toPrecision(3);
}
