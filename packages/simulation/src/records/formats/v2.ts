/**
 * Records of V2 pools: pages of the subgraph, and exports of decoded Vault events.
 *
 * @module
 */
import type { ActionColumn, AmountUnits, Json } from '../action.ts';
import { type InitialState, readInitialState } from '../initial-state.ts';
import type { Problems } from '../problem.ts';
import type { PriceTable } from '../../prices/price-table.ts';
import { formatDecimal } from '../decimal.ts';
import { list, type Members, members, textOf } from '../json.ts';
import { CanonicalRows } from './canonical.ts';
import { readTime } from './prices.ts';

type Columns = Partial<Record<ActionColumn, Json>>;

export interface V2Options extends AmountUnits {
  readonly file: string;
  /** Symbol by token address, lower case. */
  readonly symbols: Readonly<Record<string, string>>;
}

/** What pages of the subgraph hold. */
export interface SubgraphRecords {
  readonly rows: CanonicalRows;
  readonly initial: InitialState | null;
  readonly prices: PriceTable | null;
}

/**
 * Reads `subgraph-v2` pages: `swaps`, `joinExits`, `pool`, `gradualWeightUpdates`, `ampUpdates`,
 * `poolSnapshots` and `tokenPrices`, at the top or under `data`. Amounts are decimal. The pool starts
 * from the last snapshot before the first row, where there is one, otherwise from the pool's balances.
 */
export function readSubgraph(
  pages: readonly Json[],
  options: V2Options,
  problems: Problems,
): SubgraphRecords {
  const all = pages.map((page) => members(members(page)['data'] ?? page));
  const gather = (key: string): Members[] =>
    all.flatMap((page) => list(page[key] ?? []).map(members));
  const pool = members(
    all.map((page) => page['pool']).find((each) => each !== undefined && each !== null) ?? null,
  );
  // A composable pool is among its own tokens; nobody trades with what has no balance.
  const own = textOf(pool['address'] ?? pool['id'])
    .toLowerCase()
    .slice(0, ADDRESS_CHARACTERS);
  const isOther = (address: Json | undefined): boolean => textOf(address).toLowerCase() !== own;
  const tokens = list(pool['tokens'] ?? [])
    .map(members)
    .filter(({ address }) => isOther(address));
  const symbols: Record<string, string> = { ...options.symbols };
  const decimals: Record<string, number> = { ...options.decimals };
  for (const token of tokens) {
    const symbol = textOf(token['symbol'] ?? token['address']);
    symbols[textOf(token['address']).toLowerCase()] = symbol;
    decimals[symbol] = Number(token['decimals'] ?? 18);
  }
  for (const swap of gather('swaps')) {
    for (const side of ['In', 'Out']) {
      const symbol = textOf(swap[`token${side}Sym`] ?? swap[`token${side}`]);
      symbols[textOf(swap[`token${side}`]).toLowerCase()] ??= symbol;
      decimals[symbol] ??= 18;
    }
  }
  const rows = new CanonicalRows({ ...options, units: 'decimal', decimals }, problems);
  let line = 0;
  const add = (columns: Columns): void => rows.add((column) => columns[column], ++line);
  for (const swap of gather('swaps')) add(swapOf(swap, symbols));
  const listed = list(pool['tokensList'] ?? []);
  const places = listed.flatMap((address, i) => (isOther(address) ? [i] : []));
  const order = places.map((i) => symbols[textOf(listed[i]).toLowerCase()] ?? textOf(listed[i]));
  /** Amounts of all registered tokens, without those of the pool's own. */
  const others = (amounts: readonly Json[]): readonly Json[] =>
    amounts.length === listed.length ? places.map((i) => amounts[i]!) : amounts;
  for (const event of gather('joinExits')) {
    const isJoin = textOf(event['type']) === 'Join';
    add({
      kind: isJoin ? 'join' : 'exit',
      t: event['timestamp'] ?? null,
      tx: event['tx'] ?? event['id'] ?? null,
      pool: textOf(members(event['pool'] ?? null)['id'] ?? ''),
      actor: event['sender'] ?? '',
      tokens: order,
      amounts: others(list(event['amounts'] ?? [])).map(
        (amount) => `${isJoin ? '' : '-'}${textOf(amount)}`,
      ),
    });
  }
  for (const update of gather('ampUpdates')) {
    add({
      kind: 'amp',
      t: update['startTimestamp'] ?? null,
      tokens: ['amp'],
      // The event counts in thousandths.
      amounts: [fixed(update['endAmp'], 3)],
      meta: update,
    });
  }
  for (const update of gather('gradualWeightUpdates')) {
    add({
      kind: 'weights',
      t: update['startTimestamp'] ?? update['scheduledTimestamp'] ?? null,
      tokens: order,
      amounts: others(list(update['endWeights'] ?? [])).map((weight) => fixed(weight, 18)),
      meta: update,
    });
  }
  return {
    rows,
    initial: startOf(pool, tokens, {
      file: options.file,
      snapshots: gather('poolSnapshots'),
      first: Math.min(...rows.placed.map(({ action }) => action.t)),
      amountsOf: (snapshot) => others(list(snapshot['amounts'] ?? [])),
      order,
    }),
    prices: pricesOf(gather('tokenPrices'), symbols),
  };
}

const ADDRESS_CHARACTERS = 42;
const DAY_SECONDS = 86_400;

/** An integer of the chain as a decimal text. */
function fixed(value: Json | undefined, decimals: number): string {
  return formatDecimal(BigInt(textOf(value)), decimals);
}

/** The pool at the end of the last day before the first row, or as the pool itself says. */
function startOf(
  pool: Members,
  tokens: readonly Members[],
  {
    file,
    snapshots,
    first,
    amountsOf,
    order,
  }: {
    readonly file: string;
    readonly snapshots: readonly Members[];
    readonly first: number;
    readonly amountsOf: (snapshot: Members) => readonly Json[];
    readonly order: readonly string[];
  },
): InitialState | null {
  // A snapshot has the time at which its day began, and what there was at its end.
  const endOf = (snapshot: Members): number => Number(snapshot['timestamp']) + DAY_SECONDS;
  const last = snapshots
    .filter((snapshot) => endOf(snapshot) <= first)
    .toSorted((a, b) => endOf(b) - endOf(a))[0];
  if (tokens.length === 0) return null;
  if (last === undefined)
    return tokens[0]!['balance'] === undefined ? null : poolOf(pool, tokens, file);
  const amounts = amountsOf(last);
  const then = tokens.map((token) => ({
    ...token,
    balance: amounts[order.indexOf(textOf(token['symbol'] ?? token['address']))] ?? '0',
  }));
  const state = { ...pool, totalShares: last['totalShares'] ?? null, createTime: endOf(last) };
  return poolOf(state, then, file);
}

function swapOf(swap: Members, symbols: Readonly<Record<string, string>>): Columns {
  const symbol = (side: 'In' | 'Out'): string =>
    symbols[textOf(swap[`token${side}`]).toLowerCase()] ?? textOf(swap[`token${side}Sym`]);
  const poolId = swap['poolId'];
  return {
    kind: 'swap',
    t: swap['timestamp'] ?? null,
    tx: swap['tx'] ?? swap['id'] ?? null,
    pool: textOf(typeof poolId === 'object' ? members(poolId)['id'] : poolId),
    actor: swap['caller'] ?? '',
    tokens: [symbol('In'), symbol('Out')],
    amounts: [textOf(swap['tokenAmountIn']), `-${textOf(swap['tokenAmountOut'])}`],
  };
}

/** Pool types of the subgraph, as the nearest kind of the engine. */
const KINDS: Readonly<Record<string, string>> = {
  Weighted: 'weighted-1',
  LiquidityBootstrapping: 'lbp-1',
  Investment: 'investment-1',
  Stable: 'stable-1',
  MetaStable: 'metastable-1',
  StablePhantom: 'phantom-1',
  ComposableStable: 'composable-3',
};

function poolOf(pool: Members, tokens: readonly Members[], file: string): InitialState {
  return readInitialState(
    {
      kind: KINDS[textOf(pool['poolType'])] ?? textOf(pool['poolType']),
      units: 'decimal',
      swapFee: textOf(pool['swapFee']),
      ...(pool['totalShares'] !== undefined &&
        pool['totalShares'] !== null && { supply: textOf(pool['totalShares']) }),
      ...(pool['amp'] !== undefined && pool['amp'] !== null && { amp: textOf(pool['amp']) }),
      tokens: tokens.map((token) => ({
        symbol: textOf(token['symbol'] ?? token['address']),
        address: textOf(token['address']),
        decimals: Number(token['decimals'] ?? 18),
        balance: textOf(token['balance']),
        ...(token['weight'] !== undefined &&
          token['weight'] !== null && { weight: textOf(token['weight']) }),
        ...(token['priceRate'] !== undefined &&
          token['priceRate'] !== '1' && { rate: textOf(token['priceRate']) }),
      })),
      t: Number(pool['createTime'] ?? 0),
    },
    file,
  );
}

function pricesOf(
  rows: readonly Members[],
  symbols: Readonly<Record<string, string>>,
): PriceTable | null {
  if (rows.length === 0) return null;
  const names = [
    ...new Set(
      rows.map((row) => symbols[textOf(row['asset']).toLowerCase()] ?? textOf(row['asset'])),
    ),
  ];
  const last = names.map(() => NaN);
  const times: number[] = [];
  const prices: number[] = [];
  const sorted = rows.toSorted((a, b) => Number(a['timestamp']) - Number(b['timestamp']));
  for (const row of sorted) {
    last[names.indexOf(symbols[textOf(row['asset']).toLowerCase()] ?? textOf(row['asset']))] =
      Number(row['price']);
    // Rows start when every token has had its first price.
    if (last.some(Number.isNaN)) continue;
    const time = Number(row['timestamp']);
    if (times.at(-1) === time) prices.splice(-names.length, names.length, ...last);
    else {
      times.push(time);
      prices.push(...last);
    }
  }
  return { symbols: names, times: Float64Array.from(times), prices: Float64Array.from(prices) };
}

/** Reads `dune` rows of `Vault_evt_Swap` or `Vault_evt_PoolBalanceChanged`; raw amounts. */
export class DuneRows {
  readonly rows: CanonicalRows;
  readonly #options: V2Options;
  #names: readonly string[] | null = null;

  constructor(options: V2Options, problems: Problems) {
    this.#options = options;
    this.rows = new CanonicalRows({ ...options, units: 'raw' }, problems);
  }

  row(fields: readonly string[], line: number): void {
    if (this.#names === null) {
      this.#names = fields.map((name) => name.trim());
      return;
    }
    const names = this.#names;
    const get = (name: string): string => fields[names.indexOf(name)] ?? '';
    const symbol = (address: string): string =>
      this.#options.symbols[address.toLowerCase()] ?? address.toLowerCase();
    const common: Columns = {
      t: readTime(get('evt_block_time')),
      block: get('evt_block_number'),
      tx: get('evt_tx_hash'),
      log: get('evt_index'),
      pool: get('poolId'),
    };
    const columns: Columns = names.includes('tokenIn')
      ? {
          ...common,
          kind: 'swap',
          tokens: [symbol(get('tokenIn')), symbol(get('tokenOut'))],
          amounts: [get('amountIn'), `-${get('amountOut')}`],
        }
      : { ...common, ...changeOf(get, symbol) };
    this.rows.add((column) => columns[column], line);
  }
}

function changeOf(get: (name: string) => string, symbol: (address: string) => string): Columns {
  const entries = (text: string): string[] =>
    text
      .replaceAll(/[[\]"{}]/g, ' ')
      .split(/[\s,]+/)
      .filter((part) => part !== '');
  const deltas = entries(get('deltas'));
  return {
    kind: deltas.some((delta) => delta.startsWith('-')) ? 'exit' : 'join',
    actor: get('liquidityProvider'),
    tokens: entries(get('tokens')).map(symbol),
    amounts: deltas,
    meta: { protocolFeeAmounts: entries(get('protocolFeeAmounts')) },
  };
}
