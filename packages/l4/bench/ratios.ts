/**
 * Ratios of an earlier run of a benchmark, to notice when something became slower.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Times of programs over that of the floor in the same run, by the scenario's name. */
export type Ratios = Readonly<Record<string, number>>;

const FILE = fileURLToPath(new URL('./ratios.json', import.meta.url));
/** A run that is slower by more than this has a cause. */
const WORSE = 1.1;

export function readRatios(): Ratios {
  // The file is what `storeRatios` wrote.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(readFileSync(FILE, 'utf8')) as Ratios;
}

export function storeRatios(ratios: Ratios): void {
  const rounded = Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(2))]);
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(rounded), undefined, 2)}\n`);
}

/** One line for each scenario that is more than a tenth slower than it was. */
export function slower(now: Ratios, stored: Ratios): string[] {
  return Object.entries(now).flatMap(([name, ratio]) => {
    const before = stored[name];
    if (before === undefined || ratio <= before * WORSE) return [];
    const by = Math.round((ratio / before - 1) * 100);
    return [
      `${name}: ${ratio.toFixed(2)} of the floor, ${by} % slower than the ${before.toFixed(2)} that are stored`,
    ];
  });
}
