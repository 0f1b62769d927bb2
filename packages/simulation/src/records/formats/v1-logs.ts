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
import type { Problems } from '../problem.ts';
import type { PlacedAction } from '../recording.ts';
import { type Event, eventOf, type Row } from './v1-events.ts';

const ZERO = `0x${'0'.repeat(40)}`;

export interface V1LogOptions {
  readonly file: string;
  /** Address of the pool; its shares are minted and burned there. */
  readonly pool: string;
  /** Symbol by token address, lower case; addresses stay where there is none. */
  readonly symbols: Readonly<Record<string, string>>;
}

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
