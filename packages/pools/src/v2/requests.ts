/**
 * What joins and exits ask of a pool, as typed objects. Bytes as the contracts take them are decoded
 * in `user-data.ts`.
 *
 * @module
 */

/** Amounts leave out the pool's own token; they are raw units. */
export type JoinRequest =
  | { readonly kind: 'INIT'; readonly amounts: readonly bigint[] }
  | {
      readonly kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT';
      readonly amounts: readonly bigint[];
      readonly minBpt?: bigint;
    }
  | { readonly kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT'; readonly bpt: bigint; readonly index: number }
  | { readonly kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT'; readonly bpt: bigint }
  /** Phantom pools: brings nothing and lets the fees due leave for the collector. */
  | { readonly kind: 'COLLECT_PROTOCOL_FEES' };

/** Amounts leave out the pool's own token; they are raw units. */
export type ExitRequest =
  | {
      readonly kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT';
      readonly bpt: bigint;
      readonly index: number;
    }
  | { readonly kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT'; readonly bpt: bigint }
  | {
      readonly kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT';
      readonly amounts: readonly bigint[];
      readonly maxBpt?: bigint;
    }
  /** Investment pools: what belongs to the owner; only the pool itself may ask for it. */
  | { readonly kind: 'MANAGEMENT_FEE_TOKENS_OUT' }
  | { readonly kind: 'RECOVERY'; readonly bpt: bigint };

/** Which side of a swap the amount is of. */
export type SwapKind = 'GIVEN_IN' | 'GIVEN_OUT';
