/**
 * Compares implementations in one process: rounds in alternating order, processor time instead of
 * wall time (other work on the machine then counts little), medians, ratios, raw rounds.
 *
 * @module
 */

/** One implementation: a closure that does the operation `count` times. */
export interface Contender {
  readonly name: string;
  readonly run: (count: number) => void;
  /** Operations per round; fewer for slow ones. */
  readonly count?: number;
}

const ROUNDS = 7;
const DEFAULT_COUNT = 100_000;

/** Keeps results alive, so that no compiler drops the work. */
export const sink: { value: unknown } = { value: null };

/** Measures all contenders and prints a table; the first is the one that the ratios are of. */
export function compare(question: string, contenders: readonly Contender[]): void {
  for (const { run, count = DEFAULT_COUNT } of contenders) {
    for (let warmup = 0; warmup < 4; warmup++) run(Math.ceil(count / 4));
  }
  const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const { name, run, count = DEFAULT_COUNT } of order) {
      rates.get(name)!.push(rateOf(() => run(count), count));
    }
  }
  printTable(question, rates);
}

/** Operations per second of processor time. */
export function rateOf(run: () => void, count: number): number {
  const start = process.cpuUsage();
  run();
  return count / secondsOf(process.cpuUsage(start));
}

/** Processor time in seconds. */
export function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

/** Prints medians, how many times the first is of each other, and the rounds. */
export function printTable(question: string, rates: ReadonlyMap<string, readonly number[]>): void {
  const medians = Array.from(rates, ([name, rounds]) => [name, median(rounds)] as const);
  const first = medians[0]![1];
  console.log(`\n${question}`);
  for (const [name, rate] of medians) {
    const ratio = rate === first ? '' : `ours is ${(first / rate).toPrecision(3)} x`;
    const rounds = rates.get(name)!.map(shown).join(' ');
    console.log(
      `  ${name.padEnd(38)} ${shown(rate).padStart(8)}/s  ${ratio.padEnd(18)} [${rounds}]`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function shown(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toPrecision(3)}M`;
  return rate >= 1e3 ? `${(rate / 1e3).toPrecision(3)}k` : rate.toPrecision(3);
}
