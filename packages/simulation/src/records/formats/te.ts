/**
 * Files of the token engineers' pool model: `te-actions`, a list of what happened, and `te-state`,
 * snapshots of a pool.
 *
 * @module
 */
import type { ActionColumn, AmountUnits, Json } from '../action.ts';
import type { InitialState } from '../initial-state.ts';
import { readInitialState } from '../initial-state.ts';
import type { Problems } from '../problem.ts';
import { list, type Members, members, textOf } from '../json.ts';
import { CanonicalRows } from './canonical.ts';
import { readTime } from './prices.ts';

export interface TeOptions extends AmountUnits {
  readonly file: string;
}

/** What a file of actions holds. */
export interface TeActions {
  readonly rows: CanonicalRows;
  readonly initial: InitialState | null;
}

/** Selector names whose exact side is the amount out. */
const EXACT_OUT = new Set([
  'swapExactAmountOut',
  'joinswapPoolAmountOut',
  'exitswapExternAmountOut',
]);

/** Reads `te-actions`: decimal amounts, one object per action. */
export function readTeActions(json: Json, options: TeOptions, problems: Problems): TeActions {
  const rows = new CanonicalRows({ ...options, units: 'decimal' }, problems);
  let initial: InitialState | null = null;
  for (const [i, entry] of list(json).entries()) {
    const item = members(entry);
    const action = members(item['action'] ?? null);
    const type = textOf(action['type']);
    if (type === 'pool_creation') {
      initial = creationOf(item, action, options);
      continue;
    }
    const columns = columnsOf(type, action);
    if (columns === null) {
      const message = `must be one of ${TYPES.join(', ')}; got "${type}"`;
      problems.add({
        severity: 'error',
        file: options.file,
        line: i + 1,
        column: 'action.type',
        message,
      });
      continue;
    }
    const call = members(list(item['contract_call'] ?? [])[0] ?? null);
    const common: Partial<Record<ActionColumn, Json>> = {
      t: readTime(textOf(item['timestamp'])),
      block: item['block_number'] ?? null,
      tx: item['tx_hash'] ?? null,
      ...(typeof call['type'] === 'string' && {
        given: EXACT_OUT.has(call['type']) ? 'out' : 'in',
      }),
    };
    rows.add((column) => columns[column] ?? common[column], i + 1);
  }
  return { rows, initial };
}

const TYPES = [
  'pool_creation',
  'swap',
  'join',
  'join_swap',
  'exit',
  'exit_swap',
  'external_price_update',
];

function columnsOf(type: string, action: Members): Partial<Record<ActionColumn, Json>> | null {
  const amountsIn = (key: string, sign: '' | '-'): { tokens: string[]; amounts: string[] } => {
    const value = action[key] ?? [];
    const entries = Array.isArray(value) ? value : [value];
    return {
      tokens: entries.map((entry: Json) => textOf(members(entry)['symbol'])),
      amounts: entries.map((entry: Json) => `${sign}${plain(members(entry)['amount'])}`),
    };
  };
  const shares = (key: string, sign: '' | '-'): string =>
    `${sign}${plain(members(action[key] ?? null)['amount'] ?? action[key])}`;
  switch (type) {
    case 'swap': {
      const [paid, taken] = [amountsIn('token_in', ''), amountsIn('token_out', '-')];
      return {
        kind: 'swap',
        tokens: [...paid.tokens, ...taken.tokens],
        amounts: [...paid.amounts, ...taken.amounts],
      };
    }
    case 'join':
      return { kind: 'join', ...amountsIn('tokens_in', ''), shares: shares('pool_amount_out', '') };
    case 'join_swap':
      return {
        kind: 'joinSwap',
        ...amountsIn('token_in', ''),
        shares: shares('pool_amount_out', ''),
      };
    case 'exit':
      return {
        kind: 'exit',
        ...amountsIn('tokens_out', '-'),
        shares: shares('pool_amount_in', '-'),
      };
    case 'exit_swap':
      return {
        kind: 'exitSwap',
        ...amountsIn('token_out', '-'),
        shares: shares('pool_amount_in', '-'),
      };
    case 'external_price_update':
      return { kind: 'price', prices: action['tokens'] ?? null };
    default:
      return null;
  }
}

function creationOf(item: Members, action: Members, { decimals, file }: TeOptions): InitialState {
  const denorms = list(item['denorms'] ?? []).map(members);
  const paid = list(action['tokens_in'] ?? action['tokens'] ?? []).map(members);
  return readInitialState(
    {
      kind: 'v1',
      units: 'decimal',
      tokens: paid.map(({ symbol, amount }) => {
        const found = denorms.find((denorm) => denorm['token_symbol'] === symbol);
        return {
          symbol: symbol ?? '',
          address: textOf(found?.['token_address'] ?? ''),
          decimals: decimals[textOf(symbol)] ?? 18,
          balance: plain(amount),
          denorm: plain(found?.['denorm']),
        };
      }),
      swapFee: plain(item['swap_fee']),
      t: readTime(textOf(item['timestamp'])),
      block: item['block_number'] ?? null,
    },
    file,
  );
}

/** Reads one `te-state` snapshot, with or without its `__type__` members. */
export function readTeState(json: Json, options: TeOptions): InitialState {
  const snapshot = members(json);
  const pool = members(snapshot['pool'] ?? null);
  const tokens = Object.entries(members(pool['tokens'] ?? null)).filter(
    // Tokens that a pool once had stand in a snapshot with `bound` false.
    ([key, token]) => key !== '__type__' && members(token)['bound'] !== false,
  );
  return readInitialState(
    {
      kind: 'v1',
      units: 'decimal',
      tokens: tokens.map(([symbol, value]) => {
        const token = members(value);
        return {
          symbol,
          decimals: options.decimals[symbol] ?? 18,
          balance: plain(token['balance']),
          denorm: plain(token['denorm_weight'] ?? token['weight']),
        };
      }),
      swapFee: plain(pool['swap_fee']),
      supply: plain(pool['pool_shares']),
      t: readTime(plain(snapshot['change_datetime'])),
    },
    options.file,
  );
}

/** A value, or the one inside of `{__type__, value | amount}`. */
function plain(value: Json | undefined): string {
  const inside = members(value);
  const inner = inside['value'] ?? inside['amount'] ?? value;
  return typeof inner === 'object' ? '' : textOf(inner ?? '');
}
