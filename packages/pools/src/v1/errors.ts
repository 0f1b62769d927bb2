/**
 * The reverts of the V1 pool, its factory, the configurable rights pool and the elastic pool. Their
 * codes are the strings that the contracts give; each has a sentence that says what to do.
 *
 * @module
 */
import { Revert } from '../errors.ts';

const TEXTS = {
  ERR_ADD_OVERFLOW: 'The sum needs more than 256 bits; use smaller amounts.',
  ERR_AMOUNTS_MISMATCH: 'Give exactly one limit per token of the pool.',
  ERR_BAD_LIMIT_PRICE: 'The spot price already exceeds maxPrice; raise maxPrice.',
  ERR_BALANCE_BELOW_MIN: 'Commit a balance of at least 10^12 units.',
  ERR_BPOW_BASE_TOO_HIGH: 'Keep the base of the power below 2; use a smaller amount.',
  ERR_BPOW_BASE_TOO_LOW: 'Keep the base of the power above 0; use a smaller amount.',
  ERR_BTOKEN_BAD_CALLER: 'Let the owner approve the sender for at least this many pool shares.',
  ERR_CANNOT_ADD_REMOVE_TOKENS: 'Create the pool with the right canAddRemoveTokens.',
  ERR_CANNOT_CHANGE_CAP: 'Create the pool with the right canChangeCap.',
  ERR_CANNOT_WHITELIST_LPS: 'Create the pool with the right canWhitelistLPs.',
  ERR_CANT_POKE_YET: 'Wait for the start block of the gradual update.',
  ERR_CAP_LIMIT_REACHED: 'Raise the cap or mint fewer pool shares.',
  ERR_DIV_INTERNAL: 'The dividend times 10^18 needs more than 256 bits; use smaller amounts.',
  ERR_DIV_ZERO: 'The divisor is zero; the pool or the computed amount is empty.',
  ERR_GRADUAL_UPDATE_TIME_TRAVEL: 'Choose an end block in the future.',
  ERR_INCONSISTENT_TOKEN_TIME_LOCK: 'Make the minimum weight change period at least the time lock.',
  ERR_INIT_SUPPLY_MAX: 'Create the pool with at most 10^27 shares.',
  ERR_INIT_SUPPLY_MIN: 'Create the pool with at least 100 * 10^18 shares.',
  ERR_INSUFFICIENT_BAL: 'The account holds fewer pool shares than the call needs.',
  ERR_INVALID_ADDRESS: 'Name an account other than the zero address.',
  ERR_INVALID_SWAP_FEE: 'Choose a swap fee from 10^12 to 10^17 (0.0001 % to 10 %).',
  ERR_IS_BOUND: 'The token is in the pool already; rebind it instead.',
  ERR_IS_CREATED: 'The pool exists already; createPool runs once.',
  ERR_IS_FINALIZED: 'A finalised pool can no longer be changed.',
  ERR_LIMIT_IN: 'The amount to pay exceeds the limit; raise the limit.',
  ERR_LIMIT_OUT: 'The amount to receive is below the limit; lower the limit.',
  ERR_LIMIT_PRICE: 'The spot price after the swap exceeds maxPrice; swap less or raise it.',
  ERR_LP_NOT_WHITELISTED: 'The account is not on the list of liquidity providers.',
  ERR_MATH_APPROX: 'The amount is too small for the precision of the pool; use a larger one.',
  ERR_MAX_FEE: 'Choose a swap fee of at most 10^17 (10 %).',
  ERR_MAX_IN_RATIO: 'Pay in at most half of the pool balance of the token.',
  ERR_MAX_OUT_RATIO: 'Take out at most a third of the pool balance of the token.',
  ERR_MAX_TOKENS: 'A pool holds at most 8 tokens.',
  ERR_MAX_TOTAL_WEIGHT: 'Keep the sum of all weights at or below 50 * 10^18.',
  ERR_MAX_WEIGHT: 'Choose a weight of at most 50 * 10^18.',
  ERR_MIN_BALANCE: 'Leave a larger balance of the token in the pool.',
  ERR_MIN_FEE: 'Choose a swap fee of at least 10^12 (0.0001 %).',
  ERR_MIN_TOKENS: 'Bind at least two tokens first.',
  ERR_MIN_WEIGHT: 'Choose a weight of at least 10^18.',
  ERR_MUL_OVERFLOW: 'The product needs more than 256 bits; use smaller amounts.',
  ERR_NO_TOKEN_COMMIT: 'Commit the token with commitAddToken first.',
  ERR_NO_UPDATE_DURING_GRADUAL: 'Wait until the gradual weight update has ended and was poked.',
  ERR_NOT_BLABS: 'Only the factory administrator may do this.',
  ERR_NOT_BOUND: 'The token is not in the pool.',
  ERR_NOT_CONFIGURABLE_SWAP_FEE: 'Create the pool with the right canChangeSwapFee.',
  ERR_NOT_CONFIGURABLE_WEIGHTS: 'Create the pool with the right canChangeWeights.',
  ERR_NOT_CONTROLLER: 'Only the controller of the pool may do this.',
  ERR_NOT_CREATED: 'Call createPool first.',
  ERR_NOT_FINALIZED: 'Finalise the pool first.',
  ERR_NOT_ON_WHITELIST: 'The account must be on the list of liquidity providers.',
  ERR_NOT_PAUSABLE_SWAP: 'Create the pool with the right canPauseSwapping.',
  ERR_PCTOKEN_BAD_CALLER: 'Let the owner approve the sender for at least this many pool shares.',
  ERR_PENDING_TOKEN_ADD: 'Apply the committed token first.',
  ERR_REMOVE_WITH_ADD_PENDING: 'Apply the committed token before removing one.',
  ERR_START_BALANCES_MISMATCH: 'Give exactly one start balance per token.',
  ERR_START_WEIGHTS_MISMATCH: 'Give exactly one weight per token.',
  ERR_SUB_UNDERFLOW: 'The amount exceeds what it is taken from.',
  ERR_SWAP_NOT_PUBLIC: 'Swaps are closed; the controller opens them with setPublicSwap.',
  ERR_TIMELOCK_STILL_COUNTING: 'Wait until the time lock of the committed token has passed.',
  ERR_TOO_FEW_TOKENS: 'Create the pool with at least 2 tokens.',
  ERR_TOO_MANY_TOKENS: 'Create the pool with at most 8 tokens.',
  ERR_UNSUPPORTED_OPERATION: 'An elastic pool sets its weights through resyncWeight only.',
  ERR_WEIGHT_ABOVE_MAX: 'Choose weights of at most 50 * 10^18.',
  ERR_WEIGHT_BELOW_MIN: 'Choose weights of at least 10^18.',
  ERR_WEIGHT_CHANGE_TIME_BELOW_MIN: 'Spread the update over at least the minimum period.',
} as const;

/** A revert code of V1, the configurable rights pool or the elastic pool. */
export type V1ErrorCode = keyof typeof TEXTS;

/** Every V1 revert code, sorted. */
export const V1_ERROR_CODES: readonly string[] = Object.keys(TEXTS).toSorted();

/**
 * Throws the V1 revert with this code.
 *
 * @throws {Revert} Always; `name` is the code without its `ERR_`.
 */
export function revertV1(code: V1ErrorCode): never {
  throw new Revert(code, code.slice('ERR_'.length), TEXTS[code]);
}

/**
 * Goes on when the condition holds.
 *
 * @throws {Revert} With this code when it does not.
 */
export function requireV1(condition: boolean, code: V1ErrorCode): asserts condition {
  if (!condition) revertV1(code);
}
