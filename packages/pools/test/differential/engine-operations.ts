/**
 * How each step of a scenario is said to the engine, and how its answer is told in the words of the
 * contracts.
 *
 * @module
 */
import type { WorldEvent } from '../../src/v2/events.ts';
import type { Operation, UserBalanceOp } from '../../src/v2/operations.ts';
import type { WorldState } from '../../src/v2/state.ts';
import * as views from '../../src/v2/views.ts';
import { ADMIN, BORROWER } from '../evm/deployment.ts';
import type { Outcome, PoolSpec, Step } from '../evm/scenario.ts';
import { accountOf } from '../evm/step-context.ts';
import { exitUserData, joinUserData } from '../evm/user-data.ts';
import {
  asFields,
  asFlag,
  asInteger,
  asIntegers,
  asList,
  asText,
  asTexts,
  decimal,
  decimals,
} from '../evm/values.ts';
import { rateProviderOf, WRAPPED } from './rate-providers.ts';

/** A step and the names of its world. */
export interface Translator {
  readonly step: Step;
  readonly spec: PoolSpec | undefined;
  /** Id of the step's pool. */
  readonly pool: string;
  /** Its registered tokens, by symbol. */
  readonly registered: readonly string[];
  readonly state: WorldState;
  readonly idOf: (pool: string) => string;
  readonly addressOf: (sym: string) => string;
  readonly symbolOf: (address: string) => string;
}

/** What came of an operation. */
interface Done {
  readonly result: unknown;
  readonly events: readonly WorldEvent[];
  readonly state: WorldState;
}

interface Translation {
  readonly operation: Operation;
  /** The outcome in the words of the contracts; nothing when left out. */
  readonly tell?: (done: Done) => Outcome;
}

type Translate = (translator: Translator) => Translation;

const join: Translate = (t) => ({
  operation: {
    do: 'join',
    ...common(t),
    ...parties(t),
    userData: joinUserData(t.step, specOf(t).type, t.registered),
    ...(t.step['limits'] === undefined ? {} : { maxAmountsIn: asIntegers(t.step['limits']) }),
    fromInternalBalance: flag(t, 'fromInternal'),
  },
  tell: liquidity,
});

const exit: Translate = (t) => ({
  operation: {
    do: 'exit',
    ...common(t),
    ...parties(t),
    userData: exitUserData(t.step, specOf(t).type),
    ...(t.step['limits'] === undefined ? {} : { minAmountsOut: asIntegers(t.step['limits']) }),
    toInternalBalance: flag(t, 'toInternal'),
  },
  tell: liquidity,
});

const queryJoin: Translate = (t) => ({
  operation: {
    do: 'queryJoin',
    ...common(t),
    userData: joinUserData(t.step, specOf(t).type, t.registered),
  },
  tell: queried,
});

const queryExit: Translate = (t) => ({
  operation: { do: 'queryExit', ...common(t), userData: exitUserData(t.step, specOf(t).type) },
  tell: queried,
});

const swap: Translate = (t) => ({
  operation: {
    do: 'swap',
    ...common(t),
    ...parties(t),
    kind: swapKind(t),
    tokenIn: t.addressOf(asText(t.step['in'])),
    tokenOut: t.addressOf(asText(t.step['out'])),
    amount: asInteger(t.step['amount']),
    fromInternalBalance: flag(t, 'fromInternal'),
    toInternalBalance: flag(t, 'toInternal'),
    ...limitOf(t),
    ...deadlineOf(t),
  },
  tell: ({ result }) => ({ amountCalculated: decimal(asFields(result)['amountCalculated']) }),
});

const batchSwap: Translate = (t) => ({
  operation: {
    do: 'batchSwap',
    from: fromOf(t),
    ...parties(t),
    ...hops(t),
    fromInternalBalance: flag(t, 'fromInternal'),
    toInternalBalance: flag(t, 'toInternal'),
    ...(t.step['limits'] === undefined ? {} : { limits: asIntegers(t.step['limits']) }),
    ...deadlineOf(t),
  },
  tell: ({ result, events }) => ({
    assetDeltas: decimals(asFields(result)['assetDeltas']),
    swaps: events.flatMap((event) =>
      event.type === 'Swap'
        ? [
            {
              tokenIn: t.symbolOf(event.tokenIn),
              tokenOut: t.symbolOf(event.tokenOut),
              amountIn: String(event.amountIn),
              amountOut: String(event.amountOut),
            },
          ]
        : [],
    ),
  }),
});

const queryBatchSwap: Translate = (t) => ({
  operation: { do: 'queryBatchSwap', from: fromOf(t), ...hops(t) },
  tell: ({ result }) => ({ assetDeltas: decimals(asFields(result)['assetDeltas']) }),
});

const manageUserBalance: Translate = (t) => ({
  operation: {
    do: 'manageUserBalance',
    from: fromOf(t),
    // oxlint-disable-next-line no-map-spread -- fields that may be missing
    ops: asList(t.step['ops']).map((entry) => {
      const op = asFields(entry);
      return {
        kind: userBalanceKind(op['kind']),
        asset: t.addressOf(asText(op['token'])),
        amount: asInteger(op['amount']),
        ...(op['sender'] === undefined ? {} : { sender: accountOf(op['sender']) }),
        ...(op['recipient'] === undefined ? {} : { recipient: accountOf(op['recipient']) }),
      };
    }),
    ...(t.step['value'] === undefined ? {} : { value: asInteger(t.step['value']) }),
  },
});

const flashLoan: Translate = (t) => {
  const amounts = asIntegers(t.step['amounts']);
  const fee = t.state.vault.fees.flashLoan;
  const extra = asInteger(t.step['extra'] ?? 0);
  const repays = t.step['repay'] === undefined || asFlag(t.step['repay']);
  const due = (amount: bigint): bigint => (amount * fee + 10n ** 18n - 1n) / 10n ** 18n;
  return {
    operation: {
      do: 'flashLoan',
      from: fromOf(t),
      recipient: BORROWER,
      tokens: asTexts(t.step['tokens']).map(t.addressOf),
      amounts,
      repayments: amounts.map((amount) => (repays ? amount + due(amount) + extra : 0n)),
    },
    tell: ({ result }) => ({
      loans: asList(asFields(result)['loans']).map((entry) => {
        const { token, amount, feeAmount } = asFields(entry);
        return {
          token: t.symbolOf(asText(token)),
          amount: decimal(amount),
          feeAmount: decimal(feeAmount),
        };
      }),
    }),
  };
};

const managePoolBalance: Translate = (t) => ({
  operation: {
    do: 'managePoolBalance',
    from: fromOf(t),
    ops: asList(t.step['ops']).map((entry) => {
      const op = asFields(entry);
      return {
        kind: poolBalanceKind(op['kind']),
        pool: t.idOf(asText(op['pool'])),
        token: t.addressOf(asText(op['token'])),
        amount: asInteger(op['amount']),
      };
    }),
  },
  tell: ({ events }) => ({
    events: events.flatMap((event) =>
      event.type === 'PoolBalanceManaged'
        ? [
            {
              token: t.symbolOf(event.token),
              cashDelta: String(event.cashDelta),
              managedDelta: String(event.managedDelta),
            },
          ]
        : [],
    ),
  }),
});

const updateWeights: Translate = (t) => ({
  operation: {
    do: 'updateWeightsGradually',
    ...common(t),
    startTime: asInteger(t.step['startTime']),
    endTime: asInteger(t.step['endTime']),
    endWeights: asIntegers(t.step['endWeights']),
    ...(t.step['tokens'] === undefined
      ? {}
      : { tokens: asTexts(t.step['tokens']).map(t.addressOf) }),
  },
  tell: ({ state }) => weights(t, state),
});

/** Steps by name. */
export const OPERATIONS: Readonly<Record<string, Translate>> = {
  join,
  exit,
  queryJoin,
  queryExit,
  swap,
  batchSwap,
  queryBatchSwap,
  manageUserBalance,
  flashLoan,
  managePoolBalance,
  updateWeightsGradually: updateWeights,
  updateWeightsGraduallyManaged: updateWeights,

  warp: ({ step }) => ({
    operation: {
      do: 'warp',
      seconds: asInteger(step['seconds']),
      blocks: asInteger(step['blocks']),
    },
  }),
  setRate: (t) => ({
    operation: {
      do: 'setRate',
      provider: rateProviderOf(specOf(t), specOf(t).tokens.indexOf(asText(t.step['token']))),
      rate: asInteger(t.step['rate']),
    },
  }),
  setWrappedRate: (t) => ({
    operation: {
      do: 'setRate',
      provider: rateProviderOf(specOf(t), WRAPPED),
      rate: asInteger(t.step['rate']),
    },
  }),
  updateRateCache: (t) => ({
    operation: { do: 'updateTokenRateCache', ...common(t), token: tokenOf(t) },
  }),
  setRateCacheDuration: (t) => ({
    operation: {
      do: 'setTokenRateCacheDuration',
      ...common(t),
      token: tokenOf(t),
      duration: asInteger(t.step['duration']),
    },
  }),
  updateProtocolFeeCache: (t) => ({
    operation: { do: 'updateProtocolFeePercentageCache', ...common(t) },
  }),
  withdrawManagementFees: (t) => ({
    operation: {
      do: 'withdrawCollectedManagementFees',
      ...common(t),
      recipient: accountOf(t.step['recipient']),
    },
  }),
  setSwapFee: (t) => ({
    operation: { do: 'setSwapFee', ...common(t), swapFee: asInteger(t.step['fee']) },
  }),
  startAmpUpdate: (t) => ({
    operation: {
      do: 'startAmpUpdate',
      ...common(t),
      amp: asInteger(t.step['endAmp']),
      endTime: asInteger(t.step['endTime']),
    },
  }),
  stopAmpUpdate: (t) => ({ operation: { do: 'stopAmpUpdate', ...common(t) } }),
  initializeLinear: (t) => ({ operation: { do: 'initializeLinear', ...common(t) } }),
  setTargets: (t) => ({
    operation: {
      do: 'setTargets',
      ...common(t),
      lower: asInteger(t.step['lower']),
      upper: asInteger(t.step['upper']),
    },
  }),
  updateSwapFeeGradually: (t) => ({
    operation: {
      do: 'updateSwapFeeGradually',
      ...common(t),
      startTime: asInteger(t.step['startTime']),
      endTime: asInteger(t.step['endTime']),
      startFee: asInteger(t.step['startFee']),
      endFee: asInteger(t.step['endFee']),
    },
  }),
  setSwapEnabled: (t) => ({
    operation: { do: 'setSwapEnabled', ...common(t), enabled: flag(t, 'enabled') },
  }),
  setManagementAumFee: (t) => ({
    operation: { do: 'setManagementAumFee', ...common(t), aumFee: asInteger(t.step['fee']) },
  }),
  collectAumManagementFees: (t) => ({
    operation: { do: 'collectAumManagementFees', ...common(t) },
    tell: collected,
  }),
  addToken: (t) => ({
    operation: {
      do: 'addToken',
      ...common(t),
      token: tokenOf(t),
      weight: asInteger(t.step['weight']),
      mintAmount: asInteger(t.step['mintAmount']),
      recipient: fromOf(t),
    },
    tell: ({ state }) => weights(t, state),
  }),
  removeToken: (t) => ({
    operation: {
      do: 'removeToken',
      ...common(t),
      token: tokenOf(t),
      burnAmount: asInteger(t.step['burnAmount']),
      sender: fromOf(t),
    },
    tell: ({ state }) => weights(t, state),
  }),
  setCircuitBreakers: (t) => ({
    operation: {
      do: 'setCircuitBreakers',
      ...common(t),
      tokens: asTexts(t.step['tokens']).map(t.addressOf),
      bptPrices: asIntegers(t.step['bptPrices']),
      lower: asIntegers(t.step['lower']),
      upper: asIntegers(t.step['upper']),
    },
  }),
  setMustAllowlistLPs: (t) => ({
    operation: { do: 'setMustAllowlistLps', ...common(t), enabled: flag(t, 'must') },
  }),
  addAllowedAddress: (t) => ({
    operation: { do: 'addAllowedAddress', ...common(t), member: accountOf(t.step['member']) },
  }),
  removeAllowedAddress: (t) => ({
    operation: { do: 'removeAllowedAddress', ...common(t), member: accountOf(t.step['member']) },
  }),
  setPaused: (t) => ({
    operation: { do: 'setPaused', from: ADMIN, paused: flag(t, 'paused') },
  }),
  setPoolPaused: (t) => ({
    operation: { do: 'setPaused', from: ADMIN, pool: t.pool, paused: flag(t, 'paused') },
  }),
  setRecoveryMode: (t) => ({
    operation: { do: 'setRecoveryMode', from: ADMIN, pool: t.pool, enabled: flag(t, 'enabled') },
  }),
  setProtocolFee: ({ step }) => {
    const value = asInteger(step['value']);
    const fees = {
      SWAP: { swap: value },
      YIELD: { yield: value },
      AUM: { aum: value },
      FLASH_LOAN: { flashLoan: value },
    };
    const type = asText(step['type']);
    const fee = Object.entries(fees).find(([name]) => name === type)?.[1];
    return { operation: { do: 'setProtocolFees', from: ADMIN, ...fee } };
  },
  setRelayerApproval: (t) => ({
    operation: {
      do: 'setRelayerApproval',
      from: fromOf(t),
      relayer: accountOf(t.step['relayer']),
      approved: flag(t, 'approved'),
    },
  }),
};

function fromOf({ step }: Translator): string {
  return accountOf(step.from ?? 'alice');
}

function common(t: Translator): { readonly from: string; readonly pool: string } {
  return { from: fromOf(t), pool: t.pool };
}

function parties({ step }: Translator): {
  readonly sender?: string;
  readonly recipient?: string;
  readonly value?: bigint;
} {
  // The EVM driver names the caller where a step names nobody.
  const from = accountOf(step.from ?? 'alice');
  return {
    sender: step['sender'] === undefined ? from : accountOf(step['sender']),
    recipient: step['recipient'] === undefined ? from : accountOf(step['recipient']),
    ...(step['value'] === undefined ? {} : { value: asInteger(step['value']) }),
  };
}

function hops(
  t: Translator,
): Pick<Extract<Operation, { do: 'queryBatchSwap' }>, 'kind' | 'assets' | 'steps'> {
  return {
    kind: swapKind(t),
    assets: asTexts(t.step['assets']).map(t.addressOf),
    steps: asList(t.step['steps']).map((entry) => {
      const hop = asFields(entry);
      return {
        pool: t.idOf(asText(hop['pool'])),
        assetIn: Number(asInteger(hop['in'])),
        assetOut: Number(asInteger(hop['out'])),
        amount: asInteger(hop['amount']),
      };
    }),
  };
}

function specOf({ spec }: Translator): PoolSpec {
  if (spec === undefined) throw new Error('the step names no pool');
  return spec;
}

function tokenOf(t: Translator): string {
  return t.addressOf(asText(t.step['token']));
}

function flag({ step }: Translator, field: string): boolean {
  return step[field] !== undefined && asFlag(step[field]);
}

function limitOf({ step }: Translator): { readonly limit?: bigint } {
  return step['limit'] === undefined ? {} : { limit: asInteger(step['limit']) };
}

function deadlineOf({ step }: Translator): { readonly deadline?: bigint } {
  return step['deadline'] === undefined ? {} : { deadline: asInteger(step['deadline']) };
}

function swapKind({ step }: Translator): 'GIVEN_IN' | 'GIVEN_OUT' {
  return step['kind'] === 'GIVEN_OUT' ? 'GIVEN_OUT' : 'GIVEN_IN';
}

const USER_BALANCE_KINDS = [
  'DEPOSIT_INTERNAL',
  'WITHDRAW_INTERNAL',
  'TRANSFER_INTERNAL',
  'TRANSFER_EXTERNAL',
] as const;
const POOL_BALANCE_KINDS = ['WITHDRAW', 'DEPOSIT', 'UPDATE'] as const;

function userBalanceKind(name: unknown): UserBalanceOp['kind'] {
  return USER_BALANCE_KINDS.find((kind) => kind === name) ?? 'DEPOSIT_INTERNAL';
}

function poolBalanceKind(name: unknown): (typeof POOL_BALANCE_KINDS)[number] {
  return POOL_BALANCE_KINDS.find((kind) => kind === name) ?? 'UPDATE';
}

function liquidity({ result }: Done): Outcome {
  const { deltas, protocolFeeAmounts } = asFields(result);
  return { deltas: decimals(deltas), protocolFeeAmounts: decimals(protocolFeeAmounts) };
}

function queried({ result }: Done): Outcome {
  const { bptAmount, deltas } = asFields(result);
  const amounts = asIntegers(deltas).map((delta) => String(delta < 0n ? -delta : delta));
  return { bpt: decimal(bptAmount), amounts };
}

function collected({ result }: Done): Outcome {
  return { amount: decimal(asFields(result)['amount']) };
}

function weights(t: Translator, state: WorldState): Outcome {
  return { weights: views.getWeights(state, t.pool).map(String) };
}
