import { v1 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import {
  ALICE,
  alice,
  BOB,
  bob,
  codeOf,
  createdCrp,
  EIGHTY_TWENTY,
  finalPool,
  MAX_UINT256,
  ONE,
} from './support.ts';

const CAROL = `0x${'c'.repeat(40)}`;
const carol: v1.Env = { sender: CAROL, block: 1000n };

/** A token that both sorts of pool are, by the name of its contract. */
const TOKENS = [
  [
    'a V1 pool',
    'ERR_BTOKEN_BAD_CALLER',
    (): v1.WorldState => stateOf({ pool: finalPool(EIGHTY_TWENTY) }),
  ],
  ['a rights pool', 'ERR_PCTOKEN_BAD_CALLER', (): v1.WorldState => stateOf({ crp: createdCrp() })],
] as const;

function stateOf(made: { pool?: v1.pool.PoolState; crp?: v1.crp.CrpState }): v1.WorldState {
  const empty = v1.newWorldState({ block: 1000n });
  if (made.pool !== undefined) return { ...empty, pools: { [made.pool.address]: made.pool } };
  return { ...empty, crps: { [made.crp!.address]: made.crp! } };
}

function addressOf({ pools, crps }: v1.WorldState): string {
  return [...Object.keys(pools), ...Object.keys(crps)][0]!;
}

function sharesIn(state: v1.WorldState): v1.Shares {
  const address = addressOf(state);
  return (state.pools[address] ?? state.crps[address]!).shares;
}

describe.each(TOKENS)('the shares of %s', (_, badCaller, start) => {
  const call = (
    state: v1.WorldState,
    { sender }: v1.Env,
    made: v1.ShareOperation,
  ): ReturnType<typeof v1.step> =>
    v1.step(state, { do: 'call', from: sender, to: addressOf(state), call: made });
  const take = (amount: bigint): v1.ShareOperation => ({
    do: 'transferSharesFrom',
    owner: ALICE,
    to: CAROL,
    amount,
  });
  const approve = (amount: bigint): v1.ShareOperation => ({
    do: 'approveShares',
    spender: BOB,
    amount,
  });

  test('move for a spender as far as the owner lets it', () => {
    const approved = call(start(), alice, approve(3n * ONE));
    expect(approved.events).toMatchObject([
      { type: 'Approval', owner: ALICE, spender: BOB, amount: 3n * ONE },
    ]);
    const taken = call(approved.state, bob, take(ONE));
    expect(v1.sharesOf(sharesIn(taken.state), CAROL)).toBe(ONE);
    expect(v1.allowanceOf(sharesIn(taken.state), ALICE, BOB)).toBe(2n * ONE);
    // The contracts name the caller and the recipient in this event.
    expect(taken.events).toMatchObject([
      { type: 'Transfer', from: ALICE, to: CAROL, amount: ONE },
      { type: 'Approval', owner: BOB, spender: CAROL, amount: 2n * ONE },
    ]);
    expect(codeOf(() => call(taken.state, bob, take(2n * ONE + 1n)))).toBe(badCaller);
    expect(codeOf(() => call(taken.state, carol, take(1n)))).toBe(badCaller);
  });

  test('move for their owner without any approval, up to what it has', () => {
    const state = call(start(), alice, take(ONE)).state;
    expect(v1.sharesOf(sharesIn(state), CAROL)).toBe(ONE);
    const all = sharesIn(state).totalSupply;
    expect(codeOf(() => call(state, alice, take(all)))).toBe('ERR_INSUFFICIENT_BAL');
    const approved = call(state, alice, approve(all)).state;
    expect(codeOf(() => call(approved, bob, take(all)))).toBe('ERR_INSUFFICIENT_BAL');
  });

  test('keep an unlimited approval as it is', () => {
    const state = call(call(start(), alice, approve(MAX_UINT256)).state, bob, take(ONE)).state;
    expect(v1.allowanceOf(sharesIn(state), ALICE, BOB)).toBe(MAX_UINT256);
  });

  test('raise and lower approvals, never below nothing nor past 256 bits', () => {
    const change = (name: 'increaseShareApproval' | 'decreaseShareApproval', amount: bigint) =>
      ({ do: name, spender: BOB, amount }) as const;
    let state = call(start(), alice, change('increaseShareApproval', 5n)).state;
    state = call(state, alice, change('decreaseShareApproval', 2n)).state;
    expect(v1.allowanceOf(sharesIn(state), ALICE, BOB)).toBe(3n);
    const tooMuch = change('increaseShareApproval', MAX_UINT256);
    expect(codeOf(() => call(state, alice, tooMuch))).toBe('ERR_ADD_OVERFLOW');
    state = call(state, alice, change('decreaseShareApproval', 4n)).state;
    expect(sharesIn(state)).not.toHaveProperty('allowances');
  });

  test('come back from JSON with their approvals', () => {
    const { state } = call(start(), alice, approve(7n));
    const world = new v1.World(state);
    expect(v1.World.fromJSON(JSON.parse(JSON.stringify(world.toJSON()))).state).toEqual(state);
  });
});

describe('the factory', () => {
  const made = finalPool(EIGHTY_TWENTY);
  const empty = v1.newWorldState({ block: 1000n, blabs: BOB });
  const state = { ...empty, pools: { [made.address]: made } };

  test('pays the pool shares that it was sent to its administrator alone', () => {
    const { address } = state.factory;
    const sent = v1.step(state, {
      do: 'call',
      from: ALICE,
      to: made.address,
      call: { do: 'transferShares', to: address, amount: ONE },
    }).state;
    const collect = (from: string): ReturnType<typeof v1.step> =>
      v1.step(sent, { do: 'collect', from, pool: made.address });
    expect(codeOf(() => collect(ALICE))).toBe('ERR_NOT_BLABS');
    const collected = collect(BOB);
    expect(v1.sharesOf(sharesIn(collected.state), BOB)).toBe(ONE);
    expect(v1.sharesOf(sharesIn(collected.state), address)).toBe(0n);
    expect(collected.events).toMatchObject([{ type: 'Transfer', from: address, to: BOB }]);
  });

  test('changes hands by word of its administrator alone', () => {
    const hand = (from: string): ReturnType<typeof v1.step> =>
      v1.step(state, { do: 'setBLabs', from, blabs: ALICE });
    expect(codeOf(() => hand(ALICE))).toBe('ERR_NOT_BLABS');
    expect(hand(BOB).state.factory.blabs).toBe(ALICE);
  });
});
