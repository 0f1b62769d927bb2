/**
 * A recording: actions of one pool in order, outside prices, and where the pool started.
 *
 * @module
 */
import { Revert } from '@balancer/pools';
import type { PriceTable } from '../prices/price-table.ts';
import type { Action } from './action.ts';
import { compareActions } from './action.ts';
import type { InitialState } from './initial-state.ts';
import { LedgerCourse, MOVES } from './ledger.ts';
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
 * backwards, times before the start, several pools, more taken out than was there, gaps in the prices.
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
  const { file, initial } = context;
  const find = (severity: 'error' | 'warning', line: number, column: string, message: string) =>
    problems.add({ severity, file, line, column, message });
  findDuplicates(placed, find);
  findPools(placed, find);
  if (initial !== null) findStrangers(placed, initial, find);
  const sorted = isSorted(placed)
    ? placed
    : placed.toSorted((a, b) => compareActions(a.action, b.action));
  findBlocks(sorted, find);
  if (initial !== null && problems.errors === 0) findOverdrafts(sorted, initial, find);
  const actions = sorted.map(({ action }) => action);
  const prices = context.prices ?? pricesOfActions(actions);
  if (prices !== null) warnOfGaps(prices, (message) => find('warning', 0, 'prices', message));
  return { actions, initial, prices };
}

type Find = (severity: 'error' | 'warning', line: number, column: string, message: string) => void;

function isSorted(placed: readonly PlacedAction[]): boolean {
  for (let i = 1; i < placed.length; i++)
    if (compareActions(placed[i - 1]!.action, placed[i]!.action) > 0) return false;
  return true;
}

/** The same log of the same transaction twice. */
function findDuplicates(placed: readonly PlacedAction[], find: Find): void {
  // Most transactions have one row; only those with more need a key of their own.
  const firsts = new Map<string, PlacedAction>();
  const others = new Map<string, number>();
  for (const each of placed) {
    const { tx, log } = each.action;
    if (tx === null || log === null) continue;
    const first = firsts.get(tx);
    if (first === undefined) {
      firsts.set(tx, each);
      continue;
    }
    const key = `${tx}/${log}`;
    const known = first.action.log === log ? first.line : others.get(key);
    if (known === undefined) others.set(key, each.line);
    else {
      const message = `transaction ${tx} has log ${log} already in line ${known}; remove one of the two`;
      find('error', each.line, 'log', message);
    }
  }
}

/** A recording is of one pool; rows of several mixed would be one course of none. */
function findPools(placed: readonly PlacedAction[], find: Find): void {
  const lines = new Map<string, number>();
  for (const { action, line } of placed) {
    if (action.pool !== '' && action.kind !== 'price' && !lines.has(action.pool))
      lines.set(action.pool, line);
  }
  if (lines.size < 2) return;
  const [, second] = lines.values();
  const named = [...lines.keys()].slice(0, POOLS_NAMED).join(', ');
  const message = `the file holds ${lines.size} pools: ${named}${lines.size > POOLS_NAMED ? ', ...' : ''}; choose one with --pool`;
  find('error', second!, 'pool', message);
}

const POOLS_NAMED = 3;

/** Rows before the initial state, and tokens that the pool does not have. */
function findStrangers(placed: readonly PlacedAction[], initial: InitialState, find: Find): void {
  const { tokens, addresses } = initial;
  const known = new Set(tokens.flatMap(({ symbol }) => [symbol, addresses[symbol]]));
  const symbols = tokens.map(({ symbol }) => symbol).join(', ');
  for (const { action, line } of placed) {
    if (action.t < initial.t) {
      const message = `${action.t} is before the initial state at ${initial.t}; give an earlier state or drop the row`;
      find('error', line, 't', message);
    }
    if (!MOVES.has(action.kind)) continue;
    for (const token of action.tokens) {
      if (!known.has(token))
        find('error', line, 'tokens', `"${token}" is no token of the pool; it has ${symbols}`);
    }
  }
}

function findBlocks(sorted: readonly PlacedAction[], find: Find): void {
  let last = -Infinity;
  for (const { action, line } of sorted) {
    const { block } = action;
    if (block === null) continue;
    if (block < last) {
      const message = `${block} comes later in time than block ${last}; check the times`;
      find('warning', line, 'block', message);
    }
    last = block;
  }
}

/** The first row that takes out more than the recorded course leaves. */
function findOverdrafts(sorted: readonly PlacedAction[], initial: InitialState, find: Find): void {
  const ledger = new LedgerCourse(initial);
  for (const { action, line } of sorted) {
    try {
      ledger.run(action);
    } catch (error) {
      if (!(error instanceof Revert)) throw error;
      const message = `takes out more than is there: ${error.text} Rows are missing before it, or the initial state is a later one`;
      return find('error', line, 'amounts', message);
    }
  }
}

/** The `price` rows as a table, from the first row on at which every token has a price; null without any. */
function pricesOfActions(actions: readonly Action[]): PriceTable | null {
  const rows = actions.filter(({ kind, prices }) => kind === 'price' && prices !== null);
  if (rows.length === 0) return null;
  const symbols = [...new Set(rows.flatMap(({ prices }) => Object.keys(prices!)))];
  const last = symbols.map(() => NaN);
  const times: number[] = [];
  const prices: number[] = [];
  for (const { t, prices: given } of rows) {
    symbols.forEach((symbol, i) => {
      if (given![symbol] !== undefined) last[i] = Number(given![symbol]);
    });
    if (last.some(Number.isNaN)) continue;
    if (times.at(-1) === t) prices.splice(-symbols.length, symbols.length, ...last);
    else {
      times.push(t);
      prices.push(...last);
    }
  }
  return { symbols, times: Float64Array.from(times), prices: Float64Array.from(prices) };
}

/** A table of prices as `price` rows. */
export function actionsOfPrices({ symbols, times, prices }: PriceTable): Action[] {
  return Array.from(times, (t, row) => ({
    t,
    block: null,
    tx: null,
    log: null,
    pool: '',
    kind: 'price',
    actor: '',
    given: null,
    tokens: [],
    amounts: [],
    shares: null,
    limit: null,
    prices: Object.fromEntries(
      symbols.map((symbol, i) => [symbol, String(prices[row * symbols.length + i])]),
    ),
    meta: null,
  }));
}

/** Missing rows: more than three usual steps without a price. */
function warnOfGaps({ times }: PriceTable, warn: (message: string) => void): void {
  const steps = Array.from(times.subarray(1), (time, i) => time - times[i]!);
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
