import type { Neighbour } from '@balancer/ebpf';
import { NEIGHBOUR_STATES } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { unheardOf } from '../src/neighbour-probes.ts';

const neighbour = (given: Partial<Neighbour>): Neighbour => ({
  ifindex: 2,
  address: '10.0.0.11',
  mac: '02:00:00:00:00:b1',
  state: NEIGHBOUR_STATES.reachable,
  managed: true,
  unconfirmedMs: 0,
  ...given,
});

describe('neighbours that are asked whether they are still there', () => {
  test.each<[string, boolean, Partial<Neighbour>]>([
    ['a server heard of a moment ago', false, { unconfirmedMs: 1500 }],
    ['a server not heard of for longer', true, { unconfirmedMs: 1510 }],
    ['a server whose entry is stale', true, { unconfirmedMs: 9000, state: NEIGHBOUR_STATES.stale }],
    ['one that is being asked', false, { unconfirmedMs: 9000, state: NEIGHBOUR_STATES.probe }],
    ['one that is gone', false, { unconfirmedMs: 9000, state: NEIGHBOUR_STATES.failed }],
    [
      'one that was set for good',
      false,
      { unconfirmedMs: 9000, state: NEIGHBOUR_STATES.permanent },
    ],
    ['one without an address', false, { unconfirmedMs: 9000, mac: undefined }],
    ['a router heard of 9 s ago', false, { unconfirmedMs: 9000, managed: false }],
    ['a router heard of 11 s ago', true, { unconfirmedMs: 11_000, managed: false }],
    ['one on another interface', false, { unconfirmedMs: 11_000, managed: false, ifindex: 3 }],
  ])('%s: %s', (_, isAsked, given) => {
    expect(unheardOf([neighbour(given)], new Set([2]))).toHaveLength(isAsked ? 1 : 0);
  });

  test('come in the order of their silence', () => {
    const silences = [2000, 12_000, 3000];
    const found = unheardOf(
      silences.map((unconfirmedMs) => neighbour({ unconfirmedMs })),
      new Set([2]),
    );
    expect(found.map(({ unconfirmedMs }) => unconfirmedMs)).toEqual([12_000, 3000, 2000]);
  });
});
