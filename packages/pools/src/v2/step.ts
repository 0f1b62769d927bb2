/**
 * One step of a world: `(state, operation, hooks) -> {state, result, events}`, or a revert and
 * nothing has changed.
 *
 * @module
 */
import type { WorldEvent } from './events.ts';
import { authorize, setPaused, setProtocolFees } from './governance.ts';
import { createPool, createRateProvider, createToken } from './create.ts';
import { requireMembers, requireOperation } from './operation-checks.ts';
import type { Operation, ResultOf, SwapOperation } from './operations.ts';
import { callPool, isPoolOperation } from './pool-calls.ts';
import type { PoolEnv } from './pools/hooks.ts';
import type { Address, ProtocolFees, WorldState } from './state.ts';
import { askRate, type Draft, type Hooks, type Transaction } from './transaction.ts';
import { managePoolBalance } from './vault/asset-managers.ts';
import { flashLoan } from './vault/flash-loans.ts';
import { approve, create, transfer } from './vault/ledger.ts';
import { exit, join, queryExit, queryJoin } from './vault/liquidity.ts';
import { registerTokens } from './vault/registration.ts';
import { batchSwap, queryBatchSwap, swap } from './vault/swaps.ts';
import { manageUserBalance, setRelayerApproval } from './vault/user-balances.ts';

/** State, result and events of an operation. */
export interface StepOutcome<O extends Operation = Operation> {
  readonly state: WorldState;
  readonly result: ResultOf<O['do']>;
  /** In contract order. */
  readonly events: readonly WorldEvent[];
}

const NO_HOOKS: Hooks = {};

/**
 * Applies one operation.
 *
 * @returns The new state, which shares what did not change, the result, and the events.
 * @throws {Revert} What the contracts revert with; `state` is unchanged in any case.
 * @throws {InputError} When the operation is malformed: a `number` amount, an unknown member.
 */
export function step<const O extends Operation>(
  state: WorldState,
  operation: O,
  hooks: Hooks = NO_HOOKS,
): StepOutcome<O> {
  requireOperation(operation);
  const tx = new StepTransaction(state, hooks);
  const result = dispatch(tx, operation) as ResultOf<O['do']>;
  return { state: tx.state, result, events: tx.events };
}

/** A swap without its name. */
export type SwapCall = Omit<SwapOperation, 'do'>;

/** `step` of a swap, for callers that have no operation to hand. */
export function stepSwap(
  state: WorldState,
  call: SwapCall,
  hooks: Hooks = NO_HOOKS,
): StepOutcome<SwapOperation> {
  requireMembers('swap', call);
  const tx = new StepTransaction(state, hooks);
  const result = swap(tx, call);
  return { state: tx.state, result, events: tx.events };
}

/** The draft is private until the step returns it; then nothing changes it any more. */
class StepTransaction implements Transaction {
  state: Draft<WorldState>;
  readonly events: WorldEvent[] = [];
  readonly hooks: Hooks;
  readonly env: PoolEnv;
  entered = false;

  constructor(state: WorldState, hooks: Hooks) {
    this.state = draftOf(state);
    this.hooks = hooks;
    this.env = new StepEnv(this);
  }

  /** A call from inside joins the transaction, and undoes only itself when it reverts. */
  call(operation: Operation): unknown {
    requireOperation(operation);
    const state = draftOf(this.state);
    const eventCount = this.events.length;
    try {
      return dispatch(this, operation);
    } catch (error) {
      this.state = state;
      this.events.length = eventCount;
      throw error;
    }
  }
}

/** A copy, member by member, which V8 makes several times faster than a spread. */
function draftOf(state: WorldState): Draft<WorldState> {
  const { time, block, nextAddress, tokens, ledger, allowances, rates, vault, pools } = state;
  return { time, block, nextAddress, tokens, ledger, allowances, rates, vault, pools };
}

class StepEnv implements PoolEnv {
  readonly time: bigint;
  readonly block: bigint;
  readonly fees: ProtocolFees;
  readonly collector: Address;
  readonly #tx: StepTransaction;

  constructor(tx: StepTransaction) {
    const { time, block, vault } = tx.state;
    this.time = time;
    this.block = block;
    this.fees = vault.fees;
    this.collector = vault.collector;
    this.#tx = tx;
  }

  rateOf(provider: Address): bigint {
    const tx = this.#tx;
    return askRate(provider, tx.state, tx.hooks, (operation) => tx.call(operation));
  }
}

function dispatch(tx: Transaction, operation: Operation): unknown {
  if (isPoolOperation(operation)) return callPool(tx, operation);
  switch (operation.do) {
    case 'swap':
      return swap(tx, operation);
    case 'batchSwap':
      return batchSwap(tx, operation);
    case 'join':
      return join(tx, operation);
    case 'exit':
      return exit(tx, operation);
    case 'queryBatchSwap':
      return discarded(tx, () => queryBatchSwap(tx, operation));
    case 'queryJoin':
      return discarded(tx, () => queryJoin(tx, operation));
    case 'queryExit':
      return discarded(tx, () => queryExit(tx, operation));
    case 'manageUserBalance':
      return manageUserBalance(tx, operation);
    case 'flashLoan':
      return flashLoan(tx, operation);
    case 'managePoolBalance':
      return managePoolBalance(tx, operation);
    case 'registerTokens':
      return registerTokens(tx, operation);
    case 'setRelayerApproval':
      return setRelayerApproval(tx, operation);
    case 'setPaused':
      return setPaused(tx, operation);
    case 'setProtocolFees':
      return setProtocolFees(tx, operation);
    case 'authorize':
      return authorize(tx, operation);
    case 'createToken':
      return createToken(tx, operation);
    case 'createRateProvider':
      return createRateProvider(tx, operation);
    case 'createPool':
      return createPool(tx, operation.pool);
    case 'warp':
      return warp(tx, operation.seconds ?? 0n, operation.blocks ?? 0n);
    case 'setRate': {
      const { provider, rate } = operation;
      tx.state.rates = tx.state.rates.set(provider, rate);
      return null;
    }
    case 'mint':
      create(tx, operation.token, operation.to, operation.amount);
      return null;
    case 'transfer':
      transfer(tx, operation);
      return null;
    case 'approve': {
      const { token, from, spender, amount } = operation;
      approve(tx, { token, owner: from, spender, amount });
      return null;
    }
    default:
      return operation satisfies never;
  }
}

function warp(tx: Transaction, seconds: bigint, blocks: bigint): null {
  const { time, block } = tx.state;
  tx.state.time = time + seconds;
  tx.state.block = block + blocks;
  return null;
}

/** A query runs like the real thing and leaves nothing behind. */
function discarded<T>(tx: Transaction, query: () => T): T {
  const state = draftOf(tx.state);
  const eventCount = tx.events.length;
  const result = query();
  tx.state = state;
  tx.events.length = eventCount;
  return result;
}
