/** Pools and accounts that the V1 tests share. */
import { Revert, v1 } from '@balancer/pools';

export const ONE: bigint = 10n ** 18n;
export const MAX_UINT256: bigint = 2n ** 256n - 1n;

const account = (digit: string): string => `0x${digit.repeat(40)}`;
export const ALICE: string = account('a');
export const BOB: string = account('b');
export const A: string = account('1');
export const B: string = account('2');
export const C: string = account('3');
export const D: string = account('4');
export const FACTORY: string = account('f');

export const alice: v1.Env = { sender: ALICE, block: 1000n };
export const bob: v1.Env = { sender: BOB, block: 1000n };

/** A V1 pool of alice with these balances and weights, fee 0.3 %, closed and not finalised. */
export function boundPool(
  bindings: readonly v1.pool.Binding[],
  fee: bigint = 3n * 10n ** 15n,
): v1.pool.PoolState {
  const empty = v1.pool.newPool({ address: account('9'), factory: FACTORY, controller: ALICE });
  const bound = bindings.reduce((pool, binding) => v1.pool.bind(pool, binding, alice).state, empty);
  return v1.pool.setSwapFee(bound, { fee }, alice).state;
}

/** As `boundPool`, finalised. */
export function finalPool(bindings: readonly v1.pool.Binding[], fee?: bigint): v1.pool.PoolState {
  return v1.pool.finalize(boundPool(bindings, fee), alice).state;
}

/** Two tokens of 18 decimals at 80/20. */
export const EIGHTY_TWENTY: readonly v1.pool.Binding[] = [
  { token: A, balance: 8000n * ONE, denorm: 40n * ONE },
  { token: B, balance: 2000n * ONE, denorm: 10n * ONE },
];

/** All rights. */
export const ALL_RIGHTS: v1.crp.Rights = {
  canPauseSwapping: true,
  canChangeSwapFee: true,
  canChangeWeights: true,
  canAddRemoveTokens: true,
  canWhitelistLPs: true,
  canChangeCap: true,
};

/** A created rights pool of alice. */
export function createdCrp(
  init: {
    kind?: 'crp' | 'elastic';
    rights?: Partial<v1.crp.Rights>;
    bindings?: readonly v1.pool.Binding[];
    swapFee?: bigint;
    supply?: bigint;
  } = {},
): v1.crp.CrpState {
  const bindings = init.bindings ?? EIGHTY_TWENTY;
  const constructed = v1.crp.construct(
    {
      address: account('8'),
      factory: FACTORY,
      kind: init.kind ?? 'crp',
      rights: { ...ALL_RIGHTS, canWhitelistLPs: false, ...init.rights },
      params: {
        constituentTokens: bindings.map(({ token }) => token),
        tokenBalances: bindings.map(({ balance }) => balance),
        tokenWeights: bindings.map(({ denorm }) => denorm),
        swapFee: init.swapFee ?? 3n * 10n ** 15n,
      },
    },
    alice,
  );
  const input = {
    initialSupply: init.supply ?? 1000n * ONE,
    minimumWeightChangeBlockPeriod: 10n,
    addTokenTimeLockInBlocks: 10n,
    poolAddress: account('9'),
  };
  return v1.crp.createPool(constructed, input, alice).state;
}

/** The code that a call reverts with; undefined when it does not revert. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof Revert) return error.code;
    throw error;
  }
}
