/**
 * Everything that can be done to a world. Each operation is a plain object whose `do` names it;
 * `from` is the account that calls. Amounts are raw token units, fees and weights have 18 decimals,
 * amplifications in operations have none.
 *
 * @module
 */
import type { PoolDescription } from './descriptions.ts';
import type { ExitRequest, JoinRequest, SwapKind } from './requests.ts';
import type { Address, PoolId, TokenChecks } from './state.ts';

/** Whose money moves, and whether it moves as internal balance. */
export interface Funds {
  readonly from: Address;
  /** Pays; `from` when left out. Another account must have approved the authorized `from`. */
  readonly sender?: Address;
  /** Receives; the sender when left out. */
  readonly recipient?: Address;
  readonly fromInternalBalance?: boolean;
  readonly toInternalBalance?: boolean;
  /** ETH sent along. */
  readonly value?: bigint;
}

/** One swap with one pool; raw units. */
export interface SwapOperation extends Funds {
  readonly do: 'swap';
  readonly pool: PoolId;
  readonly kind: SwapKind;
  /** The zero address stands for ETH. */
  readonly tokenIn: Address;
  readonly tokenOut: Address;
  readonly amount: bigint;
  /** Least amount out (GIVEN_IN) or greatest amount in (GIVEN_OUT); none when left out. */
  readonly limit?: bigint;
  /** Last second in which the swap may run; any when left out. */
  readonly deadline?: bigint;
}

/** One hop of a batch; an amount of 0 takes the result of the hop before. */
export interface BatchSwapStep {
  readonly pool: PoolId;
  readonly assetIn: number;
  readonly assetOut: number;
  /** 0 takes the amount that the previous step calculated. */
  readonly amount: bigint;
}

/** Several swaps, whose amounts are settled once per asset; raw units. */
export interface BatchSwapOperation extends Funds {
  readonly do: 'batchSwap';
  readonly kind: SwapKind;
  readonly assets: readonly Address[];
  readonly steps: readonly BatchSwapStep[];
  /** Greatest delta per asset, negative for a least amount out; none when left out. */
  readonly limits?: readonly bigint[];
  readonly deadline?: bigint;
}

/** What a batch would give; changes nothing. */
export interface QueryBatchSwapOperation {
  readonly do: 'queryBatchSwap';
  readonly from: Address;
  readonly kind: SwapKind;
  readonly assets: readonly Address[];
  readonly steps: readonly BatchSwapStep[];
}

interface PoolLiquidity<R> {
  readonly from: Address;
  readonly pool: PoolId;
  readonly sender?: Address;
  readonly recipient?: Address;
  /** Registered tokens in order, with the zero address for ETH; the pool's own when left out. */
  readonly assets?: readonly Address[];
  readonly request?: R;
  /** The request as ABI-encoded bytes, instead of `request`. */
  readonly userData?: string;
}

/** A join; raw units. */
export interface JoinOperation extends PoolLiquidity<JoinRequest> {
  readonly do: 'join';
  /** Greatest amounts in, registered order; none when left out. */
  readonly maxAmountsIn?: readonly bigint[];
  readonly fromInternalBalance?: boolean;
  readonly value?: bigint;
}

/** An exit; raw units. */
export interface ExitOperation extends PoolLiquidity<ExitRequest> {
  readonly do: 'exit';
  /** Least amounts out, registered order; none when left out. */
  readonly minAmountsOut?: readonly bigint[];
  readonly toInternalBalance?: boolean;
}

/** What a join would give; changes nothing. */
export interface QueryJoinOperation extends PoolLiquidity<JoinRequest> {
  readonly do: 'queryJoin';
}
/** What an exit would give; changes nothing. */
export interface QueryExitOperation extends PoolLiquidity<ExitRequest> {
  readonly do: 'queryExit';
}

/** One movement of an internal balance; raw units. */
export interface UserBalanceOp {
  readonly kind:
    | 'DEPOSIT_INTERNAL'
    | 'WITHDRAW_INTERNAL'
    | 'TRANSFER_INTERNAL'
    | 'TRANSFER_EXTERNAL';
  readonly asset: Address;
  readonly amount: bigint;
  readonly sender?: Address;
  readonly recipient?: Address;
}

/** Deposits, withdrawals and transfers of internal balances; raw units. */
export interface ManageUserBalanceOperation {
  readonly do: 'manageUserBalance';
  readonly from: Address;
  readonly ops: readonly UserBalanceOp[];
  readonly value?: bigint;
}

/** A flash loan, repaid in the same operation; raw units. */
export interface FlashLoanOperation {
  readonly do: 'flashLoan';
  readonly from: Address;
  readonly recipient?: Address;
  readonly tokens: readonly Address[];
  readonly amounts: readonly bigint[];
  /** What the recipient pays back; amount and fee when left out. */
  readonly repayments?: readonly bigint[];
}

/** One movement of an asset manager; raw units. */
export interface PoolBalanceOp {
  readonly kind: 'WITHDRAW' | 'DEPOSIT' | 'UPDATE';
  readonly pool: PoolId;
  readonly token: Address;
  readonly amount: bigint;
}

/** What asset managers move in and out of pools; raw units. */
export interface ManagePoolBalanceOperation {
  readonly do: 'managePoolBalance';
  readonly from: Address;
  readonly ops: readonly PoolBalanceOp[];
}

/** A pool's contract asks for more tokens, which the Vault refuses to all pools of this library. */
export interface RegisterTokensOperation {
  readonly do: 'registerTokens';
  readonly from: Address;
  readonly pool: PoolId;
  readonly tokens: readonly Address[];
  readonly assetManagers?: readonly Address[];
}

/** World, tokens and accounts. */
export type WorldOperation =
  | { readonly do: 'warp'; readonly seconds?: bigint; readonly blocks?: bigint }
  | {
      readonly do: 'createToken';
      readonly symbol: string;
      readonly decimals: number;
      readonly address?: Address;
      readonly checks?: Extract<TokenChecks, 'open' | 'erc20'>;
    }
  | { readonly do: 'createRateProvider'; readonly rate: bigint; readonly address?: Address }
  | { readonly do: 'setRate'; readonly provider: Address; readonly rate: bigint }
  | { readonly do: 'createPool'; readonly pool: PoolDescription }
  | { readonly do: 'mint'; readonly token: Address; readonly to: Address; readonly amount: bigint }
  | {
      readonly do: 'transfer';
      readonly from: Address;
      readonly token: Address;
      readonly to: Address;
      readonly amount: bigint;
    }
  | {
      readonly do: 'approve';
      readonly from: Address;
      readonly token: Address;
      readonly spender: Address;
      readonly amount: bigint;
    };

/** The Vault's own settings. */
export type GovernanceOperation =
  | {
      readonly do: 'setRelayerApproval';
      readonly from: Address;
      readonly sender?: Address;
      readonly relayer: Address;
      readonly approved: boolean;
    }
  | {
      readonly do: 'authorize';
      readonly from: Address;
      readonly account: Address;
      readonly allowed: boolean;
    }
  | {
      readonly do: 'setProtocolFees';
      readonly from: Address;
      readonly swap?: bigint;
      readonly yield?: bigint;
      readonly aum?: bigint;
      readonly flashLoan?: bigint;
    }
  | {
      readonly do: 'setPaused';
      readonly from: Address;
      readonly pool?: PoolId;
      readonly paused: boolean;
    };

/** A call of one pool by an account. */
export type PoolOperation = { readonly from: Address; readonly pool: PoolId } & PoolCall;

type PoolCall =
  | { readonly do: 'setSwapFee'; readonly swapFee: bigint }
  | { readonly do: 'setRecoveryMode'; readonly enabled: boolean }
  | { readonly do: 'startAmpUpdate'; readonly amp: bigint; readonly endTime: bigint }
  | { readonly do: 'stopAmpUpdate' }
  | {
      readonly do: 'updateWeightsGradually';
      readonly startTime: bigint;
      readonly endTime: bigint;
      readonly endWeights: readonly bigint[];
      /** Managed pools: the tokens that the weights are for. */
      readonly tokens?: readonly Address[];
    }
  | {
      readonly do: 'updateSwapFeeGradually';
      readonly startTime: bigint;
      readonly endTime: bigint;
      readonly startFee: bigint;
      readonly endFee: bigint;
    }
  | { readonly do: 'setSwapEnabled'; readonly enabled: boolean }
  | { readonly do: 'setJoinExitEnabled'; readonly enabled: boolean }
  | { readonly do: 'setMustAllowlistLps'; readonly enabled: boolean }
  | { readonly do: 'addAllowedAddress'; readonly member: Address }
  | { readonly do: 'removeAllowedAddress'; readonly member: Address }
  | { readonly do: 'setManagementAumFee'; readonly aumFee: bigint }
  | { readonly do: 'collectAumManagementFees' }
  | { readonly do: 'withdrawCollectedManagementFees'; readonly recipient: Address }
  | {
      readonly do: 'setCircuitBreakers';
      readonly tokens: readonly Address[];
      readonly bptPrices: readonly bigint[];
      readonly lower: readonly bigint[];
      readonly upper: readonly bigint[];
    }
  | {
      readonly do: 'addToken';
      readonly token: Address;
      readonly assetManager?: Address;
      readonly weight: bigint;
      readonly mintAmount?: bigint;
      readonly recipient?: Address;
    }
  | {
      readonly do: 'removeToken';
      readonly token: Address;
      readonly burnAmount?: bigint;
      readonly sender?: Address;
    }
  | { readonly do: 'initializeLinear' }
  | { readonly do: 'setTargets'; readonly lower: bigint; readonly upper: bigint }
  | { readonly do: 'updateTokenRateCache'; readonly token: Address }
  | {
      readonly do: 'setTokenRateCacheDuration';
      readonly token: Address;
      readonly duration: bigint;
    }
  | { readonly do: 'updateProtocolFeePercentageCache' }
  | { readonly do: 'enableOracle' };

/** Everything that can be done to a world. */
export type Operation =
  | SwapOperation
  | BatchSwapOperation
  | QueryBatchSwapOperation
  | JoinOperation
  | ExitOperation
  | QueryJoinOperation
  | QueryExitOperation
  | ManageUserBalanceOperation
  | FlashLoanOperation
  | ManagePoolBalanceOperation
  | RegisterTokensOperation
  | WorldOperation
  | GovernanceOperation
  | PoolOperation;

/** What joins and exits give. Deltas are positive into the pool, negative out of it. */
export interface LiquidityResult {
  readonly deltas: readonly bigint[];
  readonly protocolFeeAmounts: readonly bigint[];
  /** Pool tokens minted (join) or burned (exit). */
  readonly bptAmount: bigint;
}

/** What was lent and what it cost; raw units. */
export interface FlashLoanResult {
  readonly loans: readonly {
    readonly token: Address;
    readonly amount: bigint;
    readonly feeAmount: bigint;
  }[];
}

interface Results {
  readonly swap: { readonly amountCalculated: bigint };
  readonly batchSwap: { readonly assetDeltas: readonly bigint[] };
  readonly queryBatchSwap: { readonly assetDeltas: readonly bigint[] };
  readonly join: LiquidityResult;
  readonly exit: LiquidityResult;
  readonly queryJoin: LiquidityResult;
  readonly queryExit: LiquidityResult;
  readonly flashLoan: FlashLoanResult;
  readonly createToken: { readonly token: Address };
  readonly createRateProvider: { readonly provider: Address };
  readonly createPool: { readonly pool: PoolId };
  readonly collectAumManagementFees: { readonly amount: bigint };
  readonly withdrawCollectedManagementFees: { readonly amounts: readonly bigint[] };
}

/** The result of an operation; operations that only change state give `null`. */
export type ResultOf<D extends Operation['do']> = D extends keyof Results ? Results[D] : null;
