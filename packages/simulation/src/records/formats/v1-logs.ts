/**
 * Chain data of a V1 pool: raw logs, or decoded events, cut into actions.
 *
 * Within a transaction every LOG_SWAP is a swap of its own, because aggregators make many. LOG_JOINs
 * before a mint of shares are one join, LOG_EXITs beside a burn one exit; one token alone with a
 * single-asset selector is a joinSwap or exitSwap. LOG_CALL carries the calldata, which tells the
 * exact side and the limits.
 *
 * @module
 */
import type { Action, Json } from '../action.ts';
import { textOf } from '../json.ts';
import type { Problems } from '../problem.ts';
import type { PlacedAction } from '../recording.ts';
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
const ZERO = `0x${'0'.repeat(40)}`;

export interface V1LogOptions {
  readonly file: string;
  /** Address of the pool; its shares are minted and burned there. */
  readonly pool: string;
  /** Symbol by token address, lower case; addresses stay where there is none. */
  readonly symbols: Readonly<Record<string, string>>;
}

/** One event, decoded. */
interface Event {
  readonly line: number;
  readonly t: number;
  readonly block: number;
  readonly tx: string;
  readonly log: number;
  readonly name: string;
  readonly caller: string;
  readonly args: Readonly<Record<string, string>>;
}

type Row = Readonly<Record<string, Json>>;

/** Rows of raw logs (`topics`, `data`) or of decoded events (`event` and its members). */
export function readV1Logs(
  rows: readonly Row[],
  options: V1LogOptions,
  problems: Problems,
): PlacedAction[] {
  const events = rows.flatMap((row, i) => eventOf(row, i + 1, options, problems) ?? []);
  events.sort((a, b) => a.block - b.block || a.log - b.log);
  const byTransaction = new Map<string, Event[]>();
  for (const event of events) {
    const list = byTransaction.get(event.tx);
    if (list === undefined) byTransaction.set(event.tx, [event]);
    else list.push(event);
  }
  return [...byTransaction.values()].flatMap((list) => new Cutter(list, options, problems).cut());
}

/** Turns the events of one transaction into actions. */
class Cutter {
  readonly #events: readonly Event[];
  readonly #options: V1LogOptions;
  readonly #problems: Problems;
  readonly #placed: PlacedAction[] = [];
  /** The last LOG_CALL that no event has answered. */
  #call: Event | null = null;
  #joins: Event[] = [];
  #exits: Event[] = [];
  #burned: Event | null = null;

  constructor(events: readonly Event[], options: V1LogOptions, problems: Problems) {
    this.#events = events;
    this.#options = options;
    this.#problems = problems;
  }

  cut(): PlacedAction[] {
    for (const event of this.#events) this.#take(event);
    this.#finishExit();
    this.#reportHalfExits();
    if (this.#joins.length > 0)
      this.#unmatched(this.#joins[0]!, 'a join without a mint of pool shares');
    return this.#placed;
  }

  #take(event: Event): void {
    const { name, args } = event;
    switch (name) {
      case 'LOG_CALL':
        this.#finishExit();
        this.#takeCall(event);
        return;
      case 'LOG_SWAP':
        return this.#takeSwap(event);
      case 'LOG_JOIN':
        this.#joins.push(event);
        return;
      case 'LOG_EXIT':
        this.#exits.push(event);
        return;
      default:
        if (args['from'] === ZERO) return this.#takeMint(event);
        if (args['to'] === ZERO) return this.#takeBurn(event);
    }
  }

  /** Calls that are actions by themselves; the others wait for their events. */
  #takeCall(event: Event): void {
    const { call } = event.args;
    this.#call = event;
    const kinds: Readonly<Record<string, Action['kind']>> = {
      bind: 'weights',
      rebind: 'weights',
      unbind: 'weights',
      gulp: 'gulp',
      setSwapFee: 'fee',
      setPublicSwap: 'create',
      finalize: 'create',
    };
    const kind = kinds[call ?? ''];
    if (kind === undefined) return;
    const { token, balance, denorm, fee } = event.args;
    this.#call = null;
    if (call === 'bind' && this.#isInsideBind(event)) return;
    this.#add(event, {
      kind,
      tokens: token === undefined ? (fee === undefined ? [] : ['fee']) : [this.#symbol(token)],
      amounts:
        token === undefined ? (fee === undefined ? [] : [BigInt(fee)]) : [BigInt(denorm ?? '0')],
      meta: { ...event.args, ...(balance !== undefined && { balance }) },
    });
  }

  /** The contract's `bind` calls its own `rebind`, which logs the outer call again. */
  #isInsideBind({ args }: Event): boolean {
    const meta = this.#placed.at(-1)?.action.meta as
      | Readonly<Record<string, Json>>
      | null
      | undefined;
    return (
      meta?.['call'] === 'bind' &&
      meta['token'] === args['token'] &&
      meta['balance'] === args['balance']
    );
  }

  #takeSwap(event: Event): void {
    const { tokenIn, tokenOut, tokenAmountIn, tokenAmountOut } = event.args;
    const call = this.#takeAnswered((name) => name.startsWith('swapExact'));
    const isOut = call?.['call'] === 'swapExactAmountOut';
    const limit = isOut ? call?.['maxAmountIn'] : call?.['minAmountOut'];
    this.#add(event, {
      kind: 'swap',
      given: call === null ? null : isOut ? 'out' : 'in',
      tokens: [this.#symbol(tokenIn!), this.#symbol(tokenOut!)],
      amounts: [BigInt(tokenAmountIn!), -BigInt(tokenAmountOut!)],
      limit: limit === undefined ? null : BigInt(limit),
      meta: call === null ? null : { ...call },
    });
  }

  #takeMint(event: Event): void {
    const minted = BigInt(event.args['value']!);
    const joins = this.#joins;
    this.#joins = [];
    if (joins.length === 0) {
      // The first shares of a pool come from its finalisation.
      const last = this.#placed.at(-1)?.action;
      if (last?.kind === 'create') return;
      return this.#unmatched(event, `a mint of ${minted} pool shares without a join`);
    }
    const call = this.#takeAnswered((name) => name.startsWith('join'));
    const isSingle = call === null ? joins.length === 1 : call['call'] !== 'joinPool';
    this.#add(joins[0]!, {
      kind: isSingle ? 'joinSwap' : 'join',
      given: call === null ? null : call['call'] === 'joinswapExternAmountIn' ? 'in' : 'out',
      tokens: joins.map(({ args }) => this.#symbol(args['tokenIn']!)),
      amounts: joins.map(({ args }) => BigInt(args['tokenAmountIn']!)),
      shares: minted,
      meta: call === null ? null : { ...call },
    });
  }

  #takeBurn(event: Event): void {
    this.#finishExit();
    // The burn before this one has met no exit, and will meet none.
    if (this.#burned !== null) this.#reportHalfExits();
    this.#burned = event;
  }

  /** Half of an exit that no other half belongs to. */
  #reportHalfExits(): void {
    if (this.#burned !== null) {
      const { value } = this.#burned.args;
      this.#unmatched(this.#burned, `a burn of ${value} pool shares without an exit`);
    } else if (this.#exits.length > 0) {
      this.#unmatched(this.#exits[0]!, 'an exit without a burn of pool shares');
    }
    this.#burned = null;
    this.#exits = [];
  }

  /** An exit is whole at the next call or burn, or at the end. */
  #finishExit(): void {
    const exits = this.#exits;
    const burned = this.#burned;
    // Single-asset exits log before they burn, the others after: both halves are waited for.
    if (burned === null || exits.length === 0) return;
    this.#exits = [];
    this.#burned = null;
    const call = this.#takeAnswered((name) => name.startsWith('exit'));
    const isSingle = call === null ? exits.length === 1 : call['call'] !== 'exitPool';
    this.#add(exits[0]!, {
      kind: isSingle ? 'exitSwap' : 'exit',
      given: call === null ? null : call['call'] === 'exitswapExternAmountOut' ? 'out' : 'in',
      tokens: exits.map(({ args }) => this.#symbol(args['tokenOut']!)),
      amounts: exits.map(({ args }) => -BigInt(args['tokenAmountOut']!)),
      shares: -BigInt(burned.args['value']!),
      meta: call === null ? null : { ...call },
    });
  }

  #takeAnswered(fits: (name: string) => boolean): Readonly<Record<string, string>> | null {
    const call = this.#call;
    if (call === null || !fits(call.args['call'] ?? '')) return null;
    this.#call = null;
    return call.args;
  }

  #symbol(address: string): string {
    return this.#options.symbols[address] ?? address;
  }

  #add(event: Event, rest: Partial<Action> & Pick<Action, 'kind' | 'tokens' | 'amounts'>): void {
    const { t, block, tx, log, caller, line } = event;
    const base = { given: null, shares: null, limit: null, prices: null, meta: null };
    const action: Action = {
      t,
      block,
      tx,
      log,
      pool: this.#options.pool,
      actor: caller,
      ...base,
      ...rest,
    };
    this.#placed.push({ action, line });
  }

  #unmatched(event: Event, what: string): void {
    this.#problems.add({
      severity: 'warning',
      file: this.#options.file,
      line: event.line,
      column: 'log',
      message: `transaction ${event.tx} has ${what}; its logs may be incomplete`,
    });
  }
}

function eventOf(row: Row, line: number, options: V1LogOptions, problems: Problems): Event | null {
  const { file } = options;
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
    pool: options.pool,
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
