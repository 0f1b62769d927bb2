/* oxlint-disable no-await-in-loop -- one chain runs one call after the other */
/**
 * Steps that go through the Vault.
 *
 * @module
 */
import { type AbiValue, parametersOf } from './abi.ts';
import { type ChainEvent, EvmOutOfGas, EvmRevert } from './chain.ts';
import type { Outcome } from './scenario.ts';
import { accountOf, type Handler, StepContext } from './step-context.ts';
import { exitUserData, joinUserData } from './user-data.ts';
import { asInteger, asIntegers, asText, decimal, decimals } from './values.ts';

const MAX_UINT = 2n ** 256n - 1n;
const MAX_INT = 2n ** 255n - 1n;
const SWAP_KINDS = ['GIVEN_IN', 'GIVEN_OUT'];
const USER_BALANCE_OPS = [
  'DEPOSIT_INTERNAL',
  'WITHDRAW_INTERNAL',
  'TRANSFER_INTERNAL',
  'TRANSFER_EXTERNAL',
];
const POOL_BALANCE_OPS = ['WITHDRAW', 'DEPOSIT', 'UPDATE'];

const join: Handler = async (context) => {
  const { pool, d } = context;
  const assets = pool.registered.map((sym) => context.token(sym));
  const maxAmountsIn = context.has('limits')
    ? context.integers('limits')
    : assets.map(() => MAX_UINT);
  const userData = joinUserData(context.step, pool.spec.type, pool.registered);
  const { events } = await d.vault.send(
    context.from,
    'joinPool',
    [
      pool.poolId,
      context.account('sender'),
      context.account('recipient'),
      [assets, maxAmountsIn, userData, context.flag('fromInternal')],
    ],
    context.integer('value'),
  );
  return poolBalanceChange(events);
};

const exit: Handler = async (context) => {
  const { pool, d } = context;
  const assets = pool.registered.map((sym) => context.token(sym));
  const minAmountsOut = context.has('limits') ? context.integers('limits') : assets.map(() => 0n);
  const userData = exitUserData(context.step, pool.spec.type);
  const { events } = await d.vault.send(context.from, 'exitPool', [
    pool.poolId,
    context.account('sender'),
    context.account('recipient'),
    [assets, minAmountsOut, userData, context.flag('toInternal')],
  ]);
  return poolBalanceChange(events);
};

const queryJoinOrExit =
  (name: 'queryJoin' | 'queryExit'): Handler =>
  async (context) => {
    const { pool, d, step, from } = context;
    const assets = pool.registered.map((sym) => context.token(sym));
    const [userData, limits] =
      name === 'queryJoin'
        ? [joinUserData(step, pool.spec.type, pool.registered), assets.map(() => MAX_UINT)]
        : [exitUserData(step, pool.spec.type), assets.map(() => 0n)];
    const request = [assets, limits, userData, false];
    const [bpt, amounts] = await d.helpers.read(name, [pool.poolId, from, from, request]);
    return { bpt: decimal(bpt), amounts: decimals(amounts) };
  };

const swap: Handler = async (context) => {
  const { pool, d } = context;
  const kind = place(SWAP_KINDS, context.text('kind'));
  const request = [
    pool.poolId,
    kind,
    context.token(context.text('in')),
    context.token(context.text('out')),
    context.integer('amount'),
    '0x',
  ];
  const limit = context.integer('limit', kind === 0n ? 0n : MAX_UINT);
  const deadline = context.integer('deadline', MAX_UINT);
  const { values } = await d.vault.send(
    context.from,
    'swap',
    [request, funds(context), limit, deadline],
    context.integer('value'),
  );
  return { amountCalculated: decimal(values[0]) };
};

const batchSwap: Handler = async (context) => {
  const assets = context.tokens('assets');
  const limits = context.has('limits') ? context.integers('limits') : assets.map(() => MAX_INT);
  const { values, events } = await context.d.vault.send(
    context.from,
    'batchSwap',
    [
      place(SWAP_KINDS, context.text('kind')),
      hops(context),
      assets,
      funds(context),
      limits,
      context.integer('deadline', MAX_UINT),
    ],
    context.integer('value'),
  );
  const swaps = named(events, 'Swap').map(([, tokenIn, tokenOut, amountIn, amountOut]) => ({
    tokenIn: context.symbol(tokenIn),
    tokenOut: context.symbol(tokenOut),
    amountIn: decimal(amountIn),
    amountOut: decimal(amountOut),
  }));
  return { assetDeltas: decimals(values[0]), swaps };
};

const queryBatchSwap: Handler = async (context) => {
  const kind = place(SWAP_KINDS, context.text('kind'));
  const args = [kind, hops(context), context.tokens('assets'), funds(context)];
  const [deltas] = await context.d.vault.read('queryBatchSwap', args);
  return { assetDeltas: decimals(deltas) };
};

/** The pool's answers to swaps at any balances, asked in the Vault's name: amounts, or revert codes. */
const quotes: Handler = async (context) => {
  const answers: string[] = [];
  for (const entry of context.entries('quotes')) answers.push(await quote(context, entry));
  return { answers };
};

async function quote(
  { d, pool, from, token }: StepContext,
  entry: Readonly<Record<string, unknown>>,
): Promise<string> {
  const balances = asIntegers(entry['balances']);
  const indexIn = Number(asInteger(entry['in']));
  const indexOut = Number(asInteger(entry['out']));
  const request = [
    place(SWAP_KINDS, entry['kind']),
    token(pool.registered[indexIn]!),
    token(pool.registered[indexOut]!),
    asInteger(entry['amount']),
    pool.poolId,
    0n,
    from,
    from,
    '0x',
  ];
  const [name, args] = isGeneral(pool.poolId)
    ? [ON_SWAP_GENERAL, [request, balances, BigInt(indexIn), BigInt(indexOut)]]
    : [ON_SWAP_MINIMAL, [request, balances[indexIn]!, balances[indexOut]!]];
  try {
    return decimal((await pool.contract.read(name, args, d.vault.address))[0]);
  } catch (error) {
    if (error instanceof EvmRevert) return error.code;
    throw error;
  }
}

/** The pool's answers to its queries at any balances: pool tokens and amounts, or revert codes. */
const liquidityQuotes: Handler = async (context) => {
  const { d, pool } = context;
  const [, , lastChangeBlock] = await d.vault.read('getPoolTokens', [pool.poolId]);
  const [protocolFee] = await d.collector.read('getSwapFeePercentage');
  const answers: string[] = [];
  for (const entry of context.entries('quotes')) {
    const { step } = new StepContext(d, { pool: pool.spec.name, do: 'queryJoin', ...entry });
    const userData =
      step.do === 'queryJoin'
        ? joinUserData(step, pool.spec.type, pool.registered)
        : exitUserData(step, pool.spec.type);
    const who = [pool.poolId, context.from, context.from];
    const args = [
      ...who,
      asIntegers(entry['balances']),
      asInteger(lastChangeBlock),
      asInteger(protocolFee),
      userData,
    ];
    try {
      const [bpt, amounts] = await pool.contract.read(step.do, args);
      answers.push([bpt, ...asIntegers(amounts)].join(' '));
    } catch (error) {
      // A query copies the reason of its inner call, and what has none is a read past the end for it.
      const isUnread = error instanceof EvmOutOfGas;
      if (!isUnread && !(error instanceof EvmRevert)) throw error;
      answers.push(isUnread ? 'NO_DATA' : error.code);
    }
  }
  return { answers };
};

/** Formulas of the library contract of managed pools. */
const powers: Handler = async (context) => {
  const { chain, weightedMath } = context.d;
  const library = chain.at(weightedMath, WEIGHTED_MATH_ABI);
  const answers: string[] = [];
  for (const { base, exponent, formula, args } of context.entries('quotes')) {
    try {
      const [answer] =
        formula === undefined
          ? await library.read('calculateInvariant', [[asInteger(exponent)], [asInteger(base)]])
          : await library.read(asText(formula), asIntegers(args));
      answers.push(decimal(answer));
    } catch (error) {
      if (!(error instanceof EvmRevert)) throw error;
      answers.push(error.code);
    }
  }
  return { answers };
};

const NUMBERS = Array.from({ length: 5 }, () => 'uint256');

/** The package lists no ABI of the library. */
const WEIGHTED_MATH_ABI = [
  { name: 'calculateInvariant', inputs: ['uint256[]', 'uint256[]'] },
  { name: 'calcBptOutGivenExactTokenIn', inputs: NUMBERS },
  { name: 'calcTokenInGivenExactBptOut', inputs: NUMBERS },
  { name: 'calcBptInGivenExactTokenOut', inputs: NUMBERS },
  { name: 'calcTokenOutGivenExactBptIn', inputs: NUMBERS },
].map(({ name, inputs }) => ({
  type: 'function',
  name,
  inputs: parametersOf(...inputs),
  outputs: parametersOf('uint256'),
}));

/** Many swaps there and back with the same two amounts, each after some time. */
const pump: Handler = async (context) => {
  const { clock } = context.d.chain;
  const [first, second] = context.pool.registered;
  let last: Outcome = {};
  for (let i = 0; i < Number(context.integer('count')); i++) {
    clock.time += context.integer('seconds');
    clock.block += context.integer('blocks');
    const fields =
      i % 2 === 0
        ? { in: first, out: second, amount: context.text('amountA') }
        : { in: second, out: first, amount: context.text('amountB') };
    last = await swap(new StepContext(context.d, { ...context.step, kind: 'GIVEN_IN', ...fields }));
  }
  return { lastAmountOut: asText(last['amountCalculated']) };
};

const manageUserBalance: Handler = async (context) => {
  const ops = context
    .entries('ops')
    .map((op) => [
      place(USER_BALANCE_OPS, op['kind']),
      context.token(asText(op['token'])),
      asInteger(op['amount']),
      op['sender'] === undefined ? context.from : accountOf(op['sender']),
      op['recipient'] === undefined ? context.from : accountOf(op['recipient']),
    ]);
  await context.d.vault.send(context.from, 'manageUserBalance', [ops], context.integer('value'));
  return {};
};

const flashLoan: Handler = async (context) => {
  const { borrower, vault, collector } = context.d;
  const amounts = context.integers('amounts');
  const [fee] = await collector.read('getFlashLoanFeePercentage');
  const repays = !context.has('repay') || context.flag('repay');
  const extra = amounts.map((amount) =>
    repays ? mulUp(amount, asInteger(fee)) + context.integer('extra') : -amount,
  );
  const { events } = await vault.send(context.from, 'flashLoan', [
    borrower.address,
    context.tokens('tokens'),
    amounts,
    encodedIntegers(extra),
  ]);
  const loans = named(events, 'FlashLoan').map(([, token, amount, feeAmount]) => ({
    token: context.symbol(token),
    amount: decimal(amount),
    feeAmount: decimal(feeAmount),
  }));
  return { loans };
};

const managePoolBalance: Handler = async (context) => {
  const ops = context
    .entries('ops')
    .map((op) => [
      place(POOL_BALANCE_OPS, op['kind']),
      context.poolNamed(asText(op['pool'])).poolId,
      context.token(asText(op['token'])),
      asInteger(op['amount']),
    ]);
  const { events } = await context.d.vault.send(context.from, 'managePoolBalance', [ops]);
  const managed = named(events, 'PoolBalanceManaged').map(
    ([, , token, cashDelta, managedDelta]) => ({
      token: context.symbol(token),
      cashDelta: decimal(cashDelta),
      managedDelta: decimal(managedDelta),
    }),
  );
  return { events: managed };
};

/** Steps by name. */
export const VAULT_STEPS: Readonly<Record<string, Handler>> = {
  join,
  exit,
  queryJoin: queryJoinOrExit('queryJoin'),
  queryExit: queryJoinOrExit('queryExit'),
  swap,
  batchSwap,
  queryBatchSwap,
  quotes,
  liquidityQuotes,
  powers,
  pump,
  manageUserBalance,
  flashLoan,
  managePoolBalance,

  async warp(context) {
    const { clock } = context.d.chain;
    clock.time += context.integer('seconds');
    clock.block += context.integer('blocks');
    return {};
  },
  async setPaused(context) {
    await context.adminCall(context.d.vault, 'setPaused', context.flag('paused'));
    return {};
  },
  async setRelayerApproval(context) {
    const relayer = context.account('relayer');
    const args = [context.from, relayer, context.flag('approved')];
    await context.d.vault.send(context.from, 'setRelayerApproval', args);
    return {};
  },
  async setProtocolFee(context) {
    const { collector, feeProvider } = context.d;
    const value = context.integer('value');
    switch (context.text('type')) {
      case 'SWAP':
        await context.adminCall(collector, 'setSwapFeePercentage', value);
        break;
      case 'FLASH_LOAN':
        await context.adminCall(collector, 'setFlashLoanFeePercentage', value);
        break;
      case 'YIELD':
        await context.adminCall(feeProvider, 'setFeeTypePercentage', 2n, value);
        break;
      default:
        await context.adminCall(feeProvider, 'setFeeTypePercentage', 3n, value);
    }
    return {};
  },
};

const SWAP_REQUEST = '(uint8,address,address,uint256,bytes32,uint256,address,address,bytes)';
const ON_SWAP_GENERAL = `onSwap(${SWAP_REQUEST},uint256[],uint256,uint256)`;
const ON_SWAP_MINIMAL = `onSwap(${SWAP_REQUEST},uint256,uint256)`;

/** The two bytes after the address in a pool id are 0 for pools that see all balances. */
function isGeneral(poolId: string): boolean {
  return poolId.slice(42, 46) === '0000';
}

/** Number that a contract gives to one of its names. */
function place(names: readonly string[], name: unknown): bigint {
  const index = names.indexOf(asText(name));
  if (index < 0) throw new Error(`${String(name)} is none of ${names.join(', ')}`);
  return BigInt(index);
}

function funds(context: StepContext): AbiValue {
  return [
    context.account('sender'),
    context.flag('fromInternal'),
    context.account('recipient'),
    context.flag('toInternal'),
  ];
}

function hops(context: StepContext): AbiValue {
  return context
    .entries('steps')
    .map((hop) => [
      context.poolNamed(asText(hop['pool'])).poolId,
      asInteger(hop['in']),
      asInteger(hop['out']),
      asInteger(hop['amount']),
      '0x',
    ]);
}

function named(events: readonly ChainEvent[], name: string): ChainEvent['args'][] {
  return events.filter((event) => event.name === name).map((event) => event.args);
}

function poolBalanceChange(events: readonly ChainEvent[]): Outcome {
  const [, , , deltas, protocolFeeAmounts] = named(events, 'PoolBalanceChanged')[0]!;
  return { deltas: decimals(deltas), protocolFeeAmounts: decimals(protocolFeeAmounts) };
}

/** What the Vault will ask for, rounded up as it does. */
function mulUp(amount: bigint, fee: bigint): bigint {
  const product = amount * fee;
  return product === 0n ? 0n : (product - 1n) / 10n ** 18n + 1n;
}

/** `abi.encode(int256[])` for the borrower double. */
function encodedIntegers(integers: readonly bigint[]): string {
  const words = [32n, BigInt(integers.length), ...integers];
  return words.map((n) => BigInt.asUintN(256, n).toString(16).padStart(64, '0')).join('');
}
