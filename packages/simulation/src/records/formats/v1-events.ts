/**
 * Events of a V1 pool, decoded from raw logs or read as others have decoded them.
 *
 * @module
 */
import type { Json } from '../action.ts';
import { textOf } from '../json.ts';
import type { Problems } from '../problem.ts';
import { readTime } from './prices.ts';

/** Topics of the events, and of the ERC-20 transfer of pool shares. */
export const V1_TOPICS = {
  LOG_SWAP: '0x908fb5ee8f16c6bc9bc3690973819f32a4d4b10188134543c88706e0e1d43378',
  LOG_JOIN: '0x63982df10efd8dfaaaa0fcc7f50b2d93b7cba26ccc48adee2873220d485dc39a',
  LOG_EXIT: '0xe74c91552b64c2e2e7bd255639e004e693bd3e1d01cc33e65610b86afcc1ffed',
  TRANSFER: '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
} as const;

/** Calls by selector, with the names of their words. */
const CALLS: Readonly<Record<string, readonly [name: string, ...words: string[]]>> = {
  '8201aa3f': [
    'swapExactAmountIn',
    'tokenIn',
    'tokenAmountIn',
    'tokenOut',
    'minAmountOut',
    'maxPrice',
  ],
  '7c5e9ea4': [
    'swapExactAmountOut',
    'tokenIn',
    'maxAmountIn',
    'tokenOut',
    'tokenAmountOut',
    'maxPrice',
  ],
  '4f69c0d4': ['joinPool', 'poolAmountOut'],
  b02f0b73: ['exitPool', 'poolAmountIn'],
  '5db34277': ['joinswapExternAmountIn', 'tokenIn', 'tokenAmountIn', 'minPoolAmountOut'],
  '6d06dfa0': ['joinswapPoolAmountOut', 'tokenIn', 'poolAmountOut', 'maxAmountIn'],
  '46ab38f1': ['exitswapPoolAmountIn', 'tokenOut', 'poolAmountIn', 'minAmountOut'],
  '02c96748': ['exitswapExternAmountOut', 'tokenOut', 'tokenAmountOut', 'maxPoolAmountIn'],
  e4e1e538: ['bind', 'token', 'balance', 'denorm'],
  '3fdddaa2': ['rebind', 'token', 'balance', 'denorm'],
  cf5e7bd3: ['unbind', 'token'],
  '8c28cbe8': ['gulp', 'token'],
  '34e19907': ['setSwapFee', 'fee'],
  '49b59552': ['setPublicSwap', 'public'],
  '4bb278f3': ['finalize'],
};

const ADDRESS_WORDS = new Set(['token', 'tokenIn', 'tokenOut']);

/** One event, decoded. */
export interface Event {
  readonly line: number;
  readonly t: number;
  readonly block: number;
  readonly tx: string;
  readonly log: number;
  readonly name: string;
  readonly caller: string;
  readonly args: Readonly<Record<string, string>>;
}

/** A row of a file of logs. */
export type Row = Readonly<Record<string, Json>>;

/** The event of a row; null for what is none of a pool's, and for what is broken, which is told. */
export function eventOf(
  row: Row,
  line: number,
  { file, pool }: { readonly file: string; readonly pool: string },
  problems: Problems,
): Event | null {
  const wrong = (column: string, message: string): null => {
    problems.add({ severity: 'error', file, line, column, message });
    return null;
  };
  const numberOf = (...names: readonly string[]): number | null => {
    const found = names
      .map((name) => row[name])
      .find((value) => value !== undefined && value !== '');
    return found === undefined ? null : Number(found);
  };
  const text = (...names: readonly string[]): string =>
    textOf(names.map((name) => row[name]).find((value) => value !== undefined) ?? '');
  const block = numberOf('block_number', 'blockNumber', 'block', 'evt_block_number');
  const log = numberOf('log_index', 'logIndex', 'index', 'evt_index', 'log');
  const tx = text('tx_hash', 'transactionHash', 'evt_tx_hash', 'tx');
  const t = readTime(text('block_time', 'timeStamp', 'timestamp', 'evt_block_time', 't'));
  if (block === null || Number.isNaN(block)) return wrong('block_number', 'must be a block number');
  if (log === null || Number.isNaN(log))
    return wrong('log_index', 'must be the index of the log in its block');
  if (!Number.isFinite(t)) return wrong('block_time', 'must be a time, ISO 8601 or unix seconds');
  const place = { line, t, block, tx, log };
  const named = text('event');
  if (named !== '')
    return { ...place, name: named, caller: text('caller').toLowerCase(), args: decodedArgs(row) };
  const topics = Array.isArray(row['topics'])
    ? row['topics'].map(textOf)
    : [0, 1, 2, 3].flatMap((i) => (row[`topic${i}`] ? [textOf(row[`topic${i}`])] : []));
  const data = text('data').replace(/^0x/, '');
  if (!/^([0-9a-fA-F]{2})*$/.test(data))
    return wrong('data', `must be hex; got "${data.slice(0, 20)}"`);
  return rawEvent(topics, data, {
    place,
    pool,
    emitter: text('address').toLowerCase(),
  });
}

function decodedArgs(row: Row): Record<string, string> {
  const args: Record<string, string> = {};
  for (const [key, value] of Object.entries(row)) {
    if (typeof value === 'string' || typeof value === 'number')
      args[key] = textOf(value).toLowerCase();
  }
  if (row['call'] !== undefined) args['call'] = textOf(row['call']);
  return args;
}

function rawEvent(
  topics: readonly string[],
  data: string,
  at: {
    readonly place: Omit<Event, 'name' | 'caller' | 'args'>;
    readonly pool: string;
    readonly emitter: string;
  },
): Event | null {
  const { place, pool, emitter } = at;
  const words = data.match(/.{64}/g) ?? [];
  const amount = (i: number): string => BigInt(`0x${words[i] ?? '0'}`).toString();
  const [first = '', second = '', third = '', fourth = ''] = topics;
  const caller = addressOf(second);
  switch (first) {
    case V1_TOPICS.LOG_SWAP:
      return {
        ...place,
        name: 'LOG_SWAP',
        caller,
        args: {
          tokenIn: addressOf(third),
          tokenOut: addressOf(fourth),
          tokenAmountIn: amount(0),
          tokenAmountOut: amount(1),
        },
      };
    case V1_TOPICS.LOG_JOIN:
      return {
        ...place,
        name: 'LOG_JOIN',
        caller,
        args: { tokenIn: addressOf(third), tokenAmountIn: amount(0) },
      };
    case V1_TOPICS.LOG_EXIT:
      return {
        ...place,
        name: 'LOG_EXIT',
        caller,
        args: { tokenOut: addressOf(third), tokenAmountOut: amount(0) },
      };
    case V1_TOPICS.TRANSFER: {
      // Only the pool's own token is of interest; logs of others come along in exports.
      if (emitter !== '' && emitter !== pool) return null;
      return {
        ...place,
        name: 'Transfer',
        caller: addressOf(second),
        args: { from: addressOf(second), to: addressOf(third), value: amount(0) },
      };
    }
    default: {
      const call = callOf(first.slice(2, 10), data);
      return call === null ? null : { ...place, name: 'LOG_CALL', caller, args: call };
    }
  }
}

/** Names and words of a call; `data` is `bytes` as the log holds them. */
function callOf(selector: string, data: string): Record<string, string> | null {
  const found = CALLS[selector];
  if (found === undefined) return null;
  const [call, ...names] = found;
  // Two words say where the bytes start and how long they are; then the selector, then its words.
  const words = data.slice(128 + 8).match(/.{64}/g) ?? [];
  const args: Record<string, string> = { call };
  names.forEach((name, i) => {
    const word = words[i];
    if (word === undefined) return;
    args[name] = ADDRESS_WORDS.has(name) ? addressOf(word) : BigInt(`0x${word}`).toString();
  });
  return args;
}

function addressOf(word: string): string {
  return `0x${word.slice(-40).toLowerCase()}`;
}
