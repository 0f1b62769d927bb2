/**
 * What every V1 step takes and gives: plain immutable state, the caller and block it runs in, and
 * the events it emits in contract order.
 *
 * @module
 */

/** A contract or account: `0x` and 40 lower-case hex digits. */
export type Address = string;

/** Who calls, and in which block. */
export interface Env {
  readonly sender: Address;
  readonly block: bigint;
}

/** What a step gives back. The state it was given still holds what it held. */
export interface Outcome<State, Result> {
  readonly state: State;
  readonly result: Result;
  readonly events: readonly V1Event[];
}

/**
 * Events in contract order; `contract` is the emitter. `Transfer` is what an ERC-20 emits, for
 * underlying tokens and pool shares alike; transfers of nothing are left out.
 */
export type V1Event = { readonly contract: Address } & (
  | {
      readonly type: 'LOG_SWAP';
      readonly caller: Address;
      readonly tokenIn: Address;
      readonly tokenOut: Address;
      readonly tokenAmountIn: bigint;
      readonly tokenAmountOut: bigint;
    }
  | {
      readonly type: 'LOG_JOIN' | 'LogJoin';
      readonly caller: Address;
      readonly tokenIn: Address;
      readonly tokenAmountIn: bigint;
    }
  | {
      readonly type: 'LOG_EXIT' | 'LogExit';
      readonly caller: Address;
      readonly tokenOut: Address;
      readonly tokenAmountOut: bigint;
    }
  | {
      readonly type: 'LOG_CALL' | 'LogCall';
      /** Four-byte selector of the call, hex. */
      readonly sig: string;
      readonly caller: Address;
      /** The call's name: `rebind`. */
      readonly call: string;
    }
  | { readonly type: 'LOG_NEW_POOL'; readonly caller: Address; readonly pool: Address }
  | { readonly type: 'LOG_BLABS'; readonly caller: Address; readonly blabs: Address }
  | {
      readonly type: 'CapChanged';
      readonly caller: Address;
      readonly oldCap: bigint;
      readonly newCap: bigint;
    }
  | {
      readonly type: 'NewTokenCommitted';
      readonly token: Address;
      readonly pool: Address;
      readonly caller: Address;
    }
  | {
      readonly type: 'OwnershipTransferred';
      readonly previousOwner: Address;
      readonly newOwner: Address;
    }
  | { readonly type: 'ErrorReason'; readonly reason: string }
  | {
      readonly type: 'Approval';
      readonly owner: Address;
      readonly spender: Address;
      readonly amount: bigint;
    }
  | {
      readonly type: 'Transfer';
      readonly from: Address;
      readonly to: Address;
      readonly amount: bigint;
    }
);

/** The zero address: where pool shares come from when minted and go to when burned. */
export const ZERO_ADDRESS: Address = `0x${'0'.repeat(40)}`;
