import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { murmur3 } from '../../src/hash.ts';
import { type RouterKind, ROUTERS } from '../../tools/scale/ecmp.ts';

const KINDS = Object.keys(ROUTERS) as RouterKind[];
const HASHES = Array.from({ length: 20_000 }, (_, index) =>
  murmur3(new Uint8Array([index, index >> 8, index >> 16, 0])),
);

function nodes(count: number): number[] {
  return Array.from({ length: count }, (_, node) => node);
}

function movedShare(kind: RouterKind, count: number, event: 'loss' | 'join'): number {
  const before = ROUTERS[kind](nodes(count));
  const after = event === 'loss' ? before.without(0) : before.with(count);
  const moved = HASHES.filter((hash) => before.nextHop(hash) !== after.nextHop(hash));
  return moved.length / HASHES.length;
}

describe.each(KINDS)('a router that spreads by %s', (kind) => {
  test('sends flows to every next hop it has, evenly, and to no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 32 }), fc.boolean(), (count, joins) => {
        const before = ROUTERS[kind](nodes(count));
        const router = joins ? before.with(count) : before.without(0);
        const loads = new Map<number, number>();
        for (const hash of HASHES) {
          const node = router.nextHop(hash);
          loads.set(node, (loads.get(node) ?? 0) + 1);
        }
        const wanted = joins ? nodes(count + 1) : nodes(count).slice(1);
        expect([...loads.keys()].toSorted((a, b) => a - b)).toEqual(wanted);
        const mean = HASHES.length / wanted.length;
        for (const load of loads.values()) expect(Math.abs(load - mean)).toBeLessThan(mean * 0.35);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a next hop of 20 that leaves', () => {
  test('moves nearly all flows by modulo, half of them by regions, its own alone by buckets', () => {
    expect(movedShare('modulo', 20, 'loss')).toBeCloseTo(19 / 20, 1);
    expect(movedShare('threshold', 20, 'loss')).toBeCloseTo(1 / 2, 1);
    expect(movedShare('resilient', 20, 'loss')).toBeCloseTo(1 / 20, 2);
  });

  test('moves no flow of another next hop where buckets are resilient', () => {
    const before = ROUTERS.resilient(nodes(20));
    const after = before.without(0);
    const others = HASHES.filter((hash) => before.nextHop(hash) !== 0);
    expect(others.map((hash) => after.nextHop(hash))).toEqual(
      others.map((hash) => before.nextHop(hash)),
    );
  });
});
