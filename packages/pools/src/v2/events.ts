/**
 * Events in the order in which the contracts emit them. `type` is the Solidity event's name.
 *
 * @module
 */
import type { Address, PoolId } from './state.ts';

/** What pools announce, in the order of the contracts. */
export type PoolEvent =
  | { readonly type: 'SwapFeePercentageChanged'; readonly pool: PoolId; readonly swapFee: bigint }
  | { readonly type: 'PoolPausedStateChanged'; readonly pool: PoolId; readonly paused: boolean }
  | { readonly type: 'RecoveryModeStateChanged'; readonly pool: PoolId; readonly enabled: boolean }
  | {
      readonly type: 'AmpUpdateStarted';
      readonly pool: PoolId;
      readonly startValue: bigint;
      readonly endValue: bigint;
      readonly startTime: bigint;
      readonly endTime: bigint;
    }
  | { readonly type: 'AmpUpdateStopped'; readonly pool: PoolId; readonly currentValue: bigint }
  | {
      readonly type: 'GradualWeightUpdateScheduled';
      readonly pool: PoolId;
      readonly startTime: bigint;
      readonly endTime: bigint;
      readonly startWeights: readonly bigint[];
      readonly endWeights: readonly bigint[];
    }
  | {
      readonly type: 'GradualSwapFeeUpdateScheduled';
      readonly pool: PoolId;
      readonly startTime: bigint;
      readonly endTime: bigint;
      readonly startSwapFee: bigint;
      readonly endSwapFee: bigint;
    }
  | { readonly type: 'SwapEnabledSet'; readonly pool: PoolId; readonly enabled: boolean }
  | { readonly type: 'JoinExitEnabledSet'; readonly pool: PoolId; readonly enabled: boolean }
  | { readonly type: 'MustAllowlistLPsSet'; readonly pool: PoolId; readonly enabled: boolean }
  | { readonly type: 'AllowlistAddressAdded'; readonly pool: PoolId; readonly member: Address }
  | { readonly type: 'AllowlistAddressRemoved'; readonly pool: PoolId; readonly member: Address }
  | {
      readonly type: 'ManagementAumFeePercentageChanged';
      readonly pool: PoolId;
      readonly aumFee: bigint;
    }
  | {
      readonly type: 'ManagementAumFeeCollected';
      readonly pool: PoolId;
      readonly bptAmount: bigint;
    }
  | {
      readonly type: 'CircuitBreakerSet';
      readonly pool: PoolId;
      readonly token: Address;
      readonly bptPrice: bigint;
      readonly lowerBound: bigint;
      readonly upperBound: bigint;
    }
  | {
      readonly type: 'TokenAdded';
      readonly pool: PoolId;
      readonly token: Address;
      readonly weight: bigint;
    }
  | {
      readonly type: 'ManagementFeesCollected';
      readonly pool: PoolId;
      readonly tokens: readonly Address[];
      readonly amounts: readonly bigint[];
    }
  | { readonly type: 'TokenRemoved'; readonly pool: PoolId; readonly token: Address }
  | {
      readonly type: 'TargetsSet';
      readonly pool: PoolId;
      readonly token: Address;
      readonly lowerTarget: bigint;
      readonly upperTarget: bigint;
    }
  | {
      readonly type: 'TokenRateCacheUpdated';
      readonly pool: PoolId;
      readonly token: Address;
      readonly rate: bigint;
    }
  | { readonly type: 'OracleEnabledChanged'; readonly pool: PoolId; readonly enabled: boolean }
  | {
      readonly type: 'ProtocolFeePercentageCacheUpdated';
      readonly pool: PoolId;
      readonly swap: bigint;
      readonly yield: bigint;
      readonly aum: bigint;
    };

/** What the Vault announces, in the order of the contract. */
export type VaultEvent =
  | {
      readonly type: 'PoolRegistered';
      readonly pool: PoolId;
      readonly address: Address;
      readonly specialization: 'general' | 'minimal' | 'two-token';
    }
  | {
      readonly type: 'TokensRegistered';
      readonly pool: PoolId;
      readonly tokens: readonly Address[];
      readonly assetManagers: readonly Address[];
    }
  | {
      readonly type: 'TokensDeregistered';
      readonly pool: PoolId;
      readonly tokens: readonly Address[];
    }
  | {
      readonly type: 'PoolBalanceChanged';
      readonly pool: PoolId;
      readonly liquidityProvider: Address;
      readonly tokens: readonly Address[];
      /** Positive into the pool, negative out of it. */
      readonly deltas: readonly bigint[];
      readonly protocolFeeAmounts: readonly bigint[];
    }
  | {
      readonly type: 'Swap';
      readonly pool: PoolId;
      readonly tokenIn: Address;
      readonly tokenOut: Address;
      readonly amountIn: bigint;
      readonly amountOut: bigint;
    }
  | {
      readonly type: 'InternalBalanceChanged';
      readonly user: Address;
      readonly token: Address;
      readonly delta: bigint;
    }
  | {
      readonly type: 'ExternalBalanceTransfer';
      readonly token: Address;
      readonly sender: Address;
      readonly recipient: Address;
      readonly amount: bigint;
    }
  | {
      readonly type: 'FlashLoan';
      readonly recipient: Address;
      readonly token: Address;
      readonly amount: bigint;
      readonly feeAmount: bigint;
    }
  | {
      readonly type: 'PoolBalanceManaged';
      readonly pool: PoolId;
      readonly assetManager: Address;
      readonly token: Address;
      readonly cashDelta: bigint;
      readonly managedDelta: bigint;
    }
  | {
      readonly type: 'RelayerApprovalChanged';
      readonly sender: Address;
      readonly relayer: Address;
      readonly approved: boolean;
    }
  | { readonly type: 'PausedStateChanged'; readonly paused: boolean }
  | {
      readonly type: 'ProtocolFeesChanged';
      readonly swap: bigint;
      readonly yield: bigint;
      readonly aum: bigint;
      readonly flashLoan: bigint;
    };

/** What an operation announces. */
export type WorldEvent = PoolEvent | VaultEvent;
