/**
 * Steps that move tokens: swaps, joins, exits, batches, loans and balances kept in the Vault.
 *
 * @module
 */
import { ACTORS, type Step } from '../evm/scenario.ts';
import { asFields, asInteger, asIntegers } from '../evm/values.ts';
import {
  actor,
  amount,
  bptAmount,
  hasOwnToken,
  indexOf,
  internal,
  recipient,
  type Situation,
  swapAmount,
  tokenBalances,
  viewOf,
} from './situation.ts';

export const join = ({ dice, pool }: Situation): Step => {
  const { name } = pool.spec;
  const kind = dice.pick([
    'EXACT_TOKENS_IN_FOR_BPT_OUT',
    'EXACT_TOKENS_IN_FOR_BPT_OUT',
    'TOKEN_IN_FOR_EXACT_BPT_OUT',
    'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT',
  ]);
  const tokens = pool.spec.tokens.length;
  const step = { do: 'join', pool: name, kind: dice.onceIn(20) ? 'INIT' : kind, ...actor(dice) };
  const limits = dice.onceIn(10)
    ? { limits: pool.registered.map(() => String(dice.part(pool.balances[0]!, 1e-3, 2))) }
    : {};
  const odd = dice.onceIn(40) ? { rawKind: dice.pick([3, 4, 9, 255]) } : {};
  const extra = { ...limits, ...odd, ...(dice.onceIn(8) ? { fromInternal: true } : {}) };
  switch (step.kind) {
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT':
      return { ...step, ...extra, bpt: bptAmount(dice, pool), index: indexOf(dice, tokens) };
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
      return { ...step, ...extra, bpt: bptAmount(dice, pool) };
    default: {
      const single = dice.onceIn(3) ? dice.below(tokens) : -1;
      const amounts = tokenBalances(pool).map((balance, index) =>
        single >= 0 && index !== single ? '0' : amount(dice, balance),
      );
      const short = dice.onceIn(50) ? amounts.slice(1) : amounts;
      const minBpt = dice.onceIn(10) ? { minBpt: bptAmount(dice, pool) } : {};
      return { ...step, ...extra, ...minBpt, amounts: short };
    }
  }
};

export const exit = ({ dice, pool }: Situation): Step => {
  const { name } = pool.spec;
  const who = actor(dice);
  const owned = pool.held[who.from ?? 'alice'];
  const kind = dice.pick([
    'EXACT_BPT_IN_FOR_TOKENS_OUT',
    'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT',
    'BPT_IN_FOR_EXACT_TOKENS_OUT',
    'EXACT_BPT_IN_FOR_TOKENS_OUT',
  ]);
  const step = { do: 'exit', pool: name, kind: dice.onceIn(25) ? 'RECOVERY' : kind, ...who };
  const limits = dice.onceIn(10)
    ? { limits: pool.registered.map((_, i) => String(dice.part(pool.balances[i]!, 1e-3, 0.2))) }
    : {};
  const odd = dice.onceIn(40) ? { rawKind: dice.pick([2, 3, 9, 255]) } : {};
  const extra = { ...limits, ...odd, ...(dice.onceIn(8) ? { toInternal: true } : {}) };
  const bpt = dice.onceIn(12) ? String(owned + 1n) : String(dice.part(owned, 1e-5, 0.6));
  switch (step.kind) {
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT':
      return { ...step, ...extra, bpt, index: indexOf(dice, pool.spec.tokens.length) };
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT': {
      const single = dice.onceIn(3) ? dice.below(pool.spec.tokens.length) : -1;
      const amounts = tokenBalances(pool).map((balance, index) =>
        single >= 0 && index !== single ? '0' : amount(dice, balance),
      );
      const maxBpt = dice.onceIn(10) ? { maxBpt: bpt } : {};
      return {
        ...step,
        ...extra,
        ...maxBpt,
        amounts: dice.onceIn(50) ? amounts.slice(1) : amounts,
      };
    }
    default:
      return { ...step, ...extra, bpt };
  }
};

export const swap = ({ dice, pool, time }: Situation): Step => {
  const count = pool.registered.length;
  const indexIn = dice.below(count);
  const indexOut = dice.onceIn(60) ? indexIn : (indexIn + 1 + dice.below(count - 1)) % count;
  const kind = dice.onceIn(2) ? 'GIVEN_OUT' : 'GIVEN_IN';
  const given = swapAmount(dice, pool, kind === 'GIVEN_IN' ? indexIn : indexOut);
  const deadline = dice.onceIn(30) ? { deadline: String(time - BigInt(dice.below(2))) } : {};
  const limit = dice.onceIn(12) ? { limit: swapAmount(dice, pool, indexOut) } : {};
  const unknown = dice.onceIn(60) ? { in: 'WETH' } : {};
  return {
    do: 'swap',
    pool: pool.spec.name,
    kind,
    in: pool.registered[indexIn]!,
    out: pool.registered[indexOut]!,
    amount: given,
    ...actor(dice),
    ...internal(dice),
    ...deadline,
    ...limit,
    ...unknown,
  };
};

export const batchSwap = (situation: Situation): Step => {
  const { dice, scenario, state, time } = situation;
  const assets = [
    ...scenario.tokens.map((token) => token.sym),
    ...scenario.pools.filter((spec) => hasOwnToken(viewOf(spec, state))).map(({ name }) => name),
  ];
  const kind = dice.onceIn(2) ? 'GIVEN_OUT' : 'GIVEN_IN';
  const steps: { pool: string; in: number; out: number; amount: string }[] = [];
  let chained = -1;
  for (let hop = 0; hop <= dice.below(4); hop++) {
    const candidates = scenario.pools
      .map((spec) => viewOf(spec, state))
      .filter((view) => chained < 0 || view.registered.includes(assets[chained]!));
    const pool = dice.pick(candidates.length > 0 ? candidates : [situation.pool]);
    const linked = chained >= 0 && pool.registered.includes(assets[chained]!) && !dice.onceIn(6);
    const from = linked
      ? pool.registered.indexOf(assets[chained]!)
      : dice.below(pool.registered.length);
    const to = (from + 1 + dice.below(pool.registered.length - 1)) % pool.registered.length;
    const [indexIn, indexOut] = kind === 'GIVEN_IN' ? [from, to] : [to, from];
    const useLast = linked && !dice.onceIn(5);
    steps.push({
      pool: pool.spec.name,
      in: assets.indexOf(pool.registered[indexIn]!),
      out: assets.indexOf(pool.registered[indexOut]!),
      amount: useLast ? '0' : swapAmount(dice, pool, from),
    });
    chained = assets.indexOf(pool.registered[to]!);
  }
  const query = dice.onceIn(4);
  const limits = dice.onceIn(8)
    ? { limits: assets.map(() => String(dice.part(10n ** 24n, 1e-9, 1) - 10n ** 20n)) }
    : {};
  const deadline = dice.onceIn(30) ? { deadline: String(time - 1n) } : {};
  const common = { kind, assets, steps, ...actor(dice), ...internal(dice) };
  return query
    ? { do: 'queryBatchSwap', ...common }
    : { do: 'batchSwap', ...common, ...limits, ...deadline };
};

export const query = (situation: Situation): Step => {
  const joining = situation.dice.onceIn(2);
  const step = joining ? join(situation) : exit(situation);
  // The helpers ask in the name of the caller alone, without limits.
  const { limits: _, fromInternal: __, toInternal: ___, ...rest } = step;
  return { ...rest, do: joining ? 'queryJoin' : 'queryExit' };
};

export const userBalance = ({ dice, scenario, state }: Situation): Step => {
  const who = actor(dice);
  const holder = who.from ?? 'alice';
  const internalNow = asIntegers(asFields(state['internal'])[holder]);
  let value = 0n;
  const ops = Array.from({ length: 1 + dice.below(2) }, () => {
    const index = dice.below(scenario.tokens.length + 1);
    const token = scenario.tokens[index]?.sym ?? dice.pick(['ETH', 'WETH']);
    const kind = dice.pick([
      'DEPOSIT_INTERNAL',
      'DEPOSIT_INTERNAL',
      'WITHDRAW_INTERNAL',
      'TRANSFER_INTERNAL',
      'TRANSFER_EXTERNAL',
    ]);
    // The state lists WETH first.
    const slot = token === 'ETH' || token === 'WETH' ? 0 : index + 1;
    const held = internalNow[slot] ?? 0n;
    const amountHere =
      kind === 'DEPOSIT_INTERNAL' || kind === 'TRANSFER_EXTERNAL'
        ? dice.magnitude(1n, 10n ** 22n)
        : dice.part(held + 2n, 1e-3, 1.2);
    const op = { kind, token, amount: String(amountHere), ...recipient(dice) };
    if (token === 'ETH' && kind === 'DEPOSIT_INTERNAL') value += amountHere;
    return dice.onceIn(30) ? { ...op, sender: dice.pick(ACTORS) } : op;
  });
  const given = dice.onceIn(20) ? value + 3n : value;
  return { do: 'manageUserBalance', ops, ...who, ...(given > 0n ? { value: String(given) } : {}) };
};

export const flashLoan = ({ dice, scenario, state }: Situation): Step => {
  const syms = scenario.tokens.map(({ sym }) => sym);
  const first = dice.below(syms.length);
  const tokens = dice.onceIn(2) ? [syms[first]!] : syms.slice(first);
  const amounts = tokens.map((sym) => {
    const held = asInteger(asFields(asFields(state['ledger'])[sym])['vault']);
    return String(dice.onceIn(12) ? held + 1n : dice.part(held, 1e-3, 1) + 2n);
  });
  const surplus = scenario.pools.some((spec) => spec.assetManagers !== undefined);
  return {
    do: 'flashLoan',
    // With tokens of others in the Vault its holdings are not the ones that the state shows.
    tokens: surplus ? [] : dice.onceIn(15) ? tokens.toReversed() : tokens,
    amounts: surplus ? [] : amounts,
    ...(dice.onceIn(4) ? { extra: String(dice.pick([-1, 0, 354])) } : {}),
    ...(dice.onceIn(12) ? { repay: false } : {}),
  };
};

export const poolBalance = ({ dice, pool }: Situation): Step => {
  const token = dice.pick(pool.spec.tokens);
  const balance = pool.balances[pool.registered.indexOf(token)]!;
  const kind = dice.pick(['WITHDRAW', 'DEPOSIT', 'UPDATE', 'WITHDRAW']);
  const ops = [
    { kind, pool: pool.spec.name, token, amount: String(dice.part(balance, 1e-4, 0.6)) },
  ];
  return { do: 'managePoolBalance', ops, ...actor(dice, 10) };
};

export const relayer = ({ dice }: Situation): Step => ({
  do: 'setRelayerApproval',
  ...actor(dice),
  relayer: dice.pick(ACTORS),
  approved: !dice.onceIn(2),
});
