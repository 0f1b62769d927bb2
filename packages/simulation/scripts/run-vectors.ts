/**
 * Replays every vector file of a folder and reports to a printer.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CsvParser } from '../src/records/csv.ts';
import { PriceRows } from '../src/records/formats/prices.ts';
import { Problems } from '../src/records/problem.ts';
import { selectSymbols } from '../src/prices/price-table.ts';
import {
  isOfSimulation,
  type ReadPrices,
  runCase,
  type SimulationCase,
} from '../src/vectors/run-case.ts';

/** Where a file of recorded prices may lie besides the folder itself: next to the repository. */
const SHARED = fileURLToPath(new URL('../../../../shared/vectors', import.meta.url));

/** Prices of files in a folder, or of the shared one; null when they are in neither. */
export function pricesIn(folder: string): ReadPrices {
  return (file, symbols) => {
    const path = [folder, SHARED].map((each) => join(each, file)).find(existsSync);
    if (path === undefined) return null;
    const problems = new Problems();
    const rows = new PriceRows(file, problems);
    const parser = new CsvParser((fields, line) => rows.row(fields, line));
    parser.push(readFileSync(path, 'utf8'));
    parser.end();
    problems.throwIfAny();
    return selectSymbols(rows.table(), symbols).prices;
  };
}

/** @returns 0 when all cases agree, 1 on a difference, 2 on bad input. */
export function runVectors(folder: string, print: (line: string) => void): number {
  if (!existsSync(folder)) {
    print(`${folder}: cannot be read; name a folder with vector files`);
    return 2;
  }
  let cases = 0;
  let differences = 0;
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()) {
    const file = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      format?: string;
      cases?: readonly SimulationCase[];
    };
    const ours =
      file.format === 'pools-vectors/1'
        ? (file.cases ?? []).filter(({ op }) => isOfSimulation(op))
        : [];
    if (ours.length === 0) continue;
    let agreed = 0;
    for (const vector of ours) {
      const outcome = runCase(vector, pricesIn(folder));
      if (outcome.status === 'agrees') agreed++;
      else if (outcome.status === 'skipped') print(`  ${vector.id}: skipped, ${outcome.reason}`);
      else {
        differences++;
        print(`  ${vector.id} (${vector.op}) differs at ${outcome.path}`);
        print(`    expected ${JSON.stringify(outcome.expected)}`);
        print(`    computed ${JSON.stringify(outcome.actual)}`);
      }
    }
    cases += ours.length;
    print(`${name}: ${agreed} of ${ours.length} cases agree`);
  }
  if (cases === 0) {
    print(`${folder}: holds no vectors of this package`);
    return 2;
  }
  return differences > 0 ? 1 : 0;
}
