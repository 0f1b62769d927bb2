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

/** The value of a column of one row; undefined when absent. */
export type FieldOf = (column: ActionColumn) => unknown;

/**
 * Builds actions from the fields of rows. A million rows go through it, so it makes no function and
 * keeps no list of its own per row.
 */
export class ActionReader {
  readonly #units: AmountUnits;
  readonly #report: FieldProblem;
  /** Lists of tokens that were met: most rows of a pool share a few. */
  readonly #lists = new Map<string, readonly string[]>();
  #isSound = true;

  constructor(units: AmountUnits, report: FieldProblem) {
    this.#units = units;
    this.#report = report;
  }

  /**
   * @param field - Lists and maps come as arrays and objects, or as text: tokens and amounts separated
   * by blanks, prices as `WETH=2000 DAI=1`, meta as JSON.
   * @returns Null when something was wrong; the report then said what.
   */
  read(field: FieldOf): Action | null {
    this.#isSound = true;
    const t = this.#integer(field('t'), 't', true);
    const kind = KINDS.get(textOf(field('kind'))) ?? NO_KIND;
    if (kind === NO_KIND) {
      this.#wrong('kind', `must be one of ${ACTION_KINDS.join(', ')}; got ${show(field('kind'))}`);
    }
    const given = textOf(field('given'));
    if (given !== '' && given !== 'in' && given !== 'out')
      this.#wrong('given', `must be in, out or empty; got ${show(given)}`);
    const tokens = this.#tokens(field('tokens'));
    const texts = listOf(field('amounts'));
    if (texts.length !== tokens.length) {
      this.#wrong(
        'amounts',
        `must have one entry per token, ${tokens.length}; has ${texts.length}`,
      );
    }
    const amounts: bigint[] = [];
    for (let i = 0; i < texts.length; i++)
      amounts.push(this.#amountOf(texts[i]!, tokens[i] ?? '', kind));
    const action: Action = {
      t: t ?? 0,
      block: this.#integer(field('block'), 'block'),
      tx: textOf(field('tx')) || null,
      log: this.#integer(field('log'), 'log'),
      pool: textOf(field('pool')),
      kind,
      actor: textOf(field('actor')),
      given: given === '' ? null : (given as 'in' | 'out'),
      tokens,
      amounts,
      shares: this.#optional(field('shares'), 'shares'),
      limit: this.#optional(field('limit'), 'limit'),
      prices: this.#prices(field('prices')),
      meta: this.#meta(field('meta')),
    };
    return this.#isSound ? action : null;
  }

  #tokens(value: unknown): readonly string[] {
    if (typeof value !== 'string') return listOf(value);
    let list = this.#lists.get(value);
    if (list === undefined) {
      list = listOf(value);
      if (this.#lists.size < LISTS_MAX) this.#lists.set(value, list);
    }
    return list;
  }

  #wrong(column: string, message: string): void {
    this.#isSound = false;
    this.#report(column, message);
  }

  #amountOf(text: string, token: string, kind: ActionKind): bigint {
    const decimals = FIXED_POINT.has(kind) ? SHARE_DECIMALS : this.#units.decimals[token];
    if (decimals === undefined && this.#units.units === 'decimal') {
      this.#wrong('tokens', `${show(token)} is no known token; give its decimals`);
      return 0n;
    }
    return this.#amount(text, decimals ?? 0, 'amounts');
  }

  #amount(text: string, decimals: number, column: string): bigint {
    const parsed: ParsedAmount =
      this.#units.units === 'decimal' ? parseDecimal(text, decimals) : parseRaw(text);
    if ('raw' in parsed) return parsed.raw;
    this.#wrong(column, parsed.wrong);
    return 0n;
  }

  #optional(value: unknown, column: 'shares' | 'limit'): bigint | null {
    const text = textOf(value);
    return text === '' ? null : this.#amount(text, SHARE_DECIMALS, column);
  }

  #integer(value: unknown, column: string, required = false): number | null {
    const text = textOf(value);
    if (text === '' && !required) return null;
    if (/^-?\d{1,15}$/.test(text)) return Number(text);
    this.#wrong(column, `must be an integer; got ${show(value)}`);
    return null;
  }

  #prices(value: unknown): Readonly<Record<string, string>> | null {
    if (value === undefined || value === null || value === '') return null;
    const entries =
      typeof value === 'object'
        ? Object.entries(value).map(([token, price]) => [token, textOf(price)] as const)
        : textOf(value)
            .split(/\s+/)
            .map((pair) => pair.split('=') as unknown as readonly [string, string]);
    for (const [token, price] of entries) {
      if (!(Number(price) > 0))
        this.#wrong('prices', `price of ${token} must be a number above 0; got ${show(price)}`);
    }
    return Object.fromEntries(entries);
  }

  #meta(value: unknown): Json {
    if (value === undefined || value === null || value === '') return null;
    if (typeof value !== 'string') return value as Json;
    try {
      return JSON.parse(value) as Json;
    } catch {
      this.#wrong('meta', `must be JSON; got ${show(value)}`);
      return null;
    }
  }
}

const KINDS: ReadonlyMap<string, ActionKind> = new Map(ACTION_KINDS.map((kind) => [kind, kind]));
/** Stands for a kind that there is not; its row is refused. */
const NO_KIND = '' as ActionKind;
const LISTS_MAX = 1000;
/** Kinds whose amounts are 18-decimal numbers and not amounts of a token. */
const FIXED_POINT: ReadonlySet<ActionKind> = new Set(['weights', 'fee', 'amp', 'rebase']);

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

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(textOf);
  const text = textOf(value);
  if (text === '') return [];
  // Most lists have single blanks, and splitting at those is several times as fast.
  return ODD_BLANKS.test(text) ? text.split(/\s+/) : text.split(' ');
}

const ODD_BLANKS = /\s\s|[^\S ]/;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : plainText(value).trim();
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
