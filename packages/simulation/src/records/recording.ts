/**
 * A recording: actions of one pool in order, outside prices, and where the pool started.
 *
 * @module
 */
import type { PriceTable } from '../prices/price-table.ts';
import type { Action } from './action.ts';
import { compareActions } from './action.ts';
import type { InitialState } from './initial-state.ts';
import type { Problems } from './problem.ts';

export interface Recording {
  readonly actions: readonly Action[];
  readonly initial: InitialState | null;
  readonly prices: PriceTable | null;
}

/** An action and the line or index it came from. */
export interface PlacedAction {
  readonly action: Action;
  readonly line: number;
}

/**
 * Puts actions in order, and finds what only shows in the whole: duplicates, blocks that run
 * backwards, times before the start, gaps in the prices.
 */
export function assemble(
  placed: readonly PlacedAction[],
  context: {
    readonly file: string;
    readonly initial: InitialState | null;
    readonly prices: PriceTable | null;
  },
  problems: Problems,
): Recording {
  const { file, initial, prices } = context;
  const seen = new Map<string, number>();
  const warn = (line: number, column: string, message: string): void =>
    problems.add({ severity: 'warning', file, line, column, message });
  const known =
    initial === null
      ? null
      : new Set(initial.tokens.flatMap(({ symbol }) => [symbol, initial.addresses[symbol]]));
  for (const { action, line } of placed) {
    const { tx, log, t } = action;
    if (tx !== null && log !== null) {
      const key = `${tx}/${log}`;
      const first = seen.get(key);
      if (first !== undefined) {
        const message = `transaction ${tx} has log ${log} already in line ${first}; remove one of the two`;
        problems.add({ severity: 'error', file, line, column: 'log', message });
      }
      seen.set(key, line);
    }
    if (initial !== null && t < initial.t) {
      problems.add({
        severity: 'error',
        file,
        line,
        column: 't',
        message: `${t} is before the initial state at ${initial.t}; give an earlier state or drop the row`,
      });
    }
    for (const token of known === null || action.kind === 'price' ? [] : action.tokens) {
      if (known!.has(token)) continue;
      const message = `"${token}" is no token of the pool; it has ${initial!.tokens.map(({ symbol }) => symbol).join(', ')}`;
      problems.add({ severity: 'error', file, line, column: 'tokens', message });
    }
  }
  const sorted = placed.toSorted((a, b) => compareActions(a.action, b.action));
  let block = -Infinity;
  for (const { action, line } of sorted) {
    if (action.block === null) continue;
    if (action.block < block) {
      warn(
        line,
        'block',
        `${action.block} comes later in time than block ${block}; check the times`,
      );
    }
    block = action.block;
  }
  if (prices !== null) warnOfGaps(prices, (message) => warn(0, 'prices', message));
  return { actions: sorted.map(({ action }) => action), initial, prices };
}

/** Missing rows: more than three usual steps without a price. */
function warnOfGaps({ times }: PriceTable, warn: (message: string) => void): void {
  const steps = Array.from(times)
    .slice(1)
    .map((time, i) => time - times[i]!);
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  steps.forEach((step, i) => {
    if (step > 3 * usual) {
      warn(
        `${Math.round(step / usual) - 1} rows are missing after ${new Date(times[i]! * 1000).toISOString()}; the last price is held`,
      );
    }
  });
}

/**
 * Amounts that look raw in a file of decimal ones: no point, and more than a million times the
 * median of their token.
 */
export class RawAmountSuspicion {
  readonly #seen = new Map<string, { readonly line: number; readonly text: string }[]>();

  note(token: string, text: string, line: number): void {
    const list = this.#seen.get(token) ?? [];
    if (list.length < 1_000_000) list.push({ line, text });
    this.#seen.set(token, list);
  }

  report(file: string, problems: Problems): void {
    for (const [token, list] of this.#seen) {
      const sizes = list.map(({ text }) => Math.abs(Number(text))).toSorted((a, b) => a - b);
      const median = sizes[Math.floor(sizes.length / 2)]!;
      for (const { line, text } of list) {
        if (text.includes('.') || !(Math.abs(Number(text)) > 1e6 * median)) continue;
        problems.add({
          severity: 'warning',
          file,
          line,
          column: 'amounts',
          message: `${text} ${token} looks like raw units, the median of the file is ${median}; divide it by the token's decimals`,
        });
      }
    }
  }
}
