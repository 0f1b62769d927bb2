/**
 * The canonical record: one thing that happened to a pool. NDJSON, CSV and Parquet hold the same
 * columns; amounts are raw units, signed as the pool sees them (+ comes in).
 *
 * @module
 */
import { textOf as plainText } from './json.ts';
import { type ParsedAmount, parseDecimal, parseRaw } from './decimal.ts';

export const ACTION_KINDS = [
  'create',
  'swap',
  'join',
  'exit',
  'joinSwap',
  'exitSwap',
  'weights',
  'fee',
  'amp',
  'price',
  'rebase',
  'gulp',
  'transfer',
] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

/** Anything JSON can hold. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface Action {
  /** Unix seconds. */
  readonly t: number;
  readonly block: number | null;
  readonly tx: string | null;
  readonly log: number | null;
  readonly pool: string;
  readonly kind: ActionKind;
  readonly actor: string;
  /** Which side the actor fixed; null when unknown. */
  readonly given: 'in' | 'out' | null;
  /** Symbols or addresses. */
  readonly tokens: readonly string[];
  /** One per token: raw units, for `weights` and `fee` 18 decimals. */
  readonly amounts: readonly bigint[];
  /** Pool tokens minted (+) or burned (-). */
  readonly shares: bigint | null;
  /** The actor's own limit, raw units. */
  readonly limit: bigint | null;
  /** `price` rows: value of one whole token in the quote currency. */
  readonly prices: Readonly<Record<string, string>> | null;
  readonly meta: Json;
}

/** Columns in the order in which files hold them. */
export const ACTION_COLUMNS = [
  't',
  'block',
  'tx',
  'log',
  'pool',
  'kind',
  'actor',
  'given',
  'tokens',
  'amounts',
  'shares',
  'limit',
  'prices',
  'meta',
] as const;
export type ActionColumn = (typeof ACTION_COLUMNS)[number];

/** How amounts of a file are to be read. */
export interface AmountUnits {
  readonly units: 'raw' | 'decimal';
  /** By token, for decimal amounts and for people. */
  readonly decimals: Readonly<Record<string, number>>;
}

/** Decimals of pool tokens. */
export const SHARE_DECIMALS = 18;

/** A finding about one field. */
export type FieldProblem = (column: string, message: string) => void;

/**
 * Builds an action from the fields of a row.
 *
 * @param field - The value of a column; lists and maps as arrays and objects, or as text: tokens and
 * amounts separated by blanks, prices as `WETH=2000 DAI=1`, meta as JSON. Undefined when absent.
 * @returns Null when something was wrong; `report` then said what.
 */
export function readAction(
  field: (column: ActionColumn) => unknown,
  units: AmountUnits,
  report: FieldProblem,
): Action | null {
  let isSound = true;
  const wrong = (column: string, message: string): void => {
    isSound = false;
    report(column, message);
  };
  const t = integerOf(field('t'), 't', wrong, true);
  const kind = textOf(field('kind')) as ActionKind;
  if (!ACTION_KINDS.includes(kind)) {
    wrong('kind', `must be one of ${ACTION_KINDS.join(', ')}; got ${show(field('kind'))}`);
  }
  const given = textOf(field('given'));
  if (!['', 'in', 'out'].includes(given))
    wrong('given', `must be in, out or empty; got ${show(given)}`);
  const tokens = listOf(field('tokens'));
  const texts = listOf(field('amounts'));
  if (texts.length !== tokens.length) {
    wrong('amounts', `must have one entry per token, ${tokens.length}; has ${texts.length}`);
  }
  const isFixedPoint = kind === 'weights' || kind === 'fee' || kind === 'amp' || kind === 'rebase';
  const read = (text: string, decimals: number, column: string): bigint => {
    const parsed: ParsedAmount =
      units.units === 'decimal' ? parseDecimal(text, decimals) : parseRaw(text);
    if ('raw' in parsed) return parsed.raw;
    wrong(column, parsed.wrong);
    return 0n;
  };
  const amounts = texts.map((text, i) => {
    const token = tokens[i] ?? '';
    const decimals = isFixedPoint ? SHARE_DECIMALS : units.decimals[token];
    if (units.units === 'decimal' && decimals === undefined) {
      wrong('tokens', `${show(token)} is no known token; give its decimals`);
      return 0n;
    }
    return read(text, decimals ?? 0, 'amounts');
  });
  const optional = (column: 'shares' | 'limit'): bigint | null => {
    const text = textOf(field(column));
    return text === '' ? null : read(text, SHARE_DECIMALS, column);
  };
  const action: Action = {
    t: t ?? 0,
    block: integerOf(field('block'), 'block', wrong),
    tx: textOf(field('tx')) || null,
    log: integerOf(field('log'), 'log', wrong),
    pool: textOf(field('pool')),
    kind,
    actor: textOf(field('actor')),
    given: given === '' ? null : (given as 'in' | 'out'),
    tokens,
    amounts,
    shares: optional('shares'),
    limit: optional('limit'),
    prices: pricesOf(field('prices'), wrong),
    meta: metaOf(field('meta'), wrong),
  };
  return isSound ? action : null;
}

/** The fields of an action as CSV holds them. */
export function actionFields(action: Action): (string | number | null)[] {
  const { prices, meta } = action;
  return [
    action.t,
    action.block,
    action.tx,
    action.log,
    action.pool,
    action.kind,
    action.actor,
    action.given,
    action.tokens.join(' '),
    action.amounts.join(' '),
    action.shares === null ? null : action.shares.toString(),
    action.limit === null ? null : action.limit.toString(),
    prices === null
      ? null
      : Object.entries(prices)
          .map(([token, price]) => `${token}=${price}`)
          .join(' '),
    meta === null ? null : JSON.stringify(meta),
  ];
}

/** The action as one line of NDJSON. */
export function actionLine(action: Action): string {
  return JSON.stringify(action, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** Order of records: by time, block and log; equal ones stay as they came. */
export function compareActions(a: Action, b: Action): number {
  return a.t - b.t || (a.block ?? 0) - (b.block ?? 0) || (a.log ?? 0) - (b.log ?? 0);
}

function integerOf(
  value: unknown,
  column: string,
  wrong: FieldProblem,
  required = false,
): number | null {
  const text = textOf(value);
  if (text === '' && !required) return null;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  wrong(column, `must be an integer; got ${show(value)}`);
  return null;
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(textOf);
  const text = textOf(value);
  return text === '' ? [] : text.split(/\s+/);
}

function pricesOf(value: unknown, wrong: FieldProblem): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null || value === '') return null;
  const entries =
    typeof value === 'object'
      ? Object.entries(value).map(([token, price]) => [token, textOf(price)] as const)
      : textOf(value)
          .split(/\s+/)
          .map((pair) => pair.split('=') as unknown as readonly [string, string]);
  for (const [token, price] of entries) {
    if (!(Number(price) > 0))
      wrong('prices', `price of ${token} must be a number above 0; got ${show(price)}`);
  }
  return Object.fromEntries(entries);
}

function metaOf(value: unknown, wrong: FieldProblem): Json {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string') return value as Json;
  try {
    return JSON.parse(value) as Json;
  } catch {
    wrong('meta', `must be JSON; got ${show(value)}`);
    return null;
  }
}

function textOf(value: unknown): string {
  return plainText(value).trim();
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
