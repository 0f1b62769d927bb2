import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aperture, policies, subset } from '../src/index.ts';
import { balancerOf, countByRank, pickRanks } from './support.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `id-${i}`);

describe('subset', () => {
  test('of 12 ids and size 3 gives four clients every id exactly once', () => {
    const all = [0, 1, 2, 3].flatMap((client) => subset(ids(12), 3, client));
    expect(all.toSorted()).toEqual(ids(12).toSorted());
  });

  test('uses each id at most once per round, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat({ max: 50 }), (n, s, round) => {
        const size = 1 + (s % n);
        const perRound = Math.floor(n / size);
        const used = Array.from({ length: perRound }, (_, client) =>
          subset(ids(n), size, round * perRound + client),
        ).flat();
        expect(new Set(used).size).toBe(used.length);
        expect(used).toHaveLength(perRound * size);
      }),
    );
  });

  test('refuses sizes and clients that nobody can mean', () => {
    expect(() => subset(ids(3), 4, 0)).toThrow(
      'subset.size: must be an integer from 1 to 3; got 4',
    );
    expect(() => subset(ids(3), 1, -1)).toThrow('subset.clientIndex');
    expect(() => subset([], 1, 0)).toThrow('subset.ids');
  });
});

describe('aperture', () => {
  const sharesOf = (index: number): number[] =>
    [...aperture({ index, peers: 3, min: 1 }).shares(5)].map((share) => Number(share.toFixed(9)));

  test('of three peers over five nodes has the known shares', () => {
    expect([0, 1, 2].map(sharesOf)).toEqual([
      [0.6, 0.4, 0, 0, 0],
      [0, 0.2, 0.6, 0.2, 0],
      [0, 0, 0, 0.4, 0.6],
    ]);
  });

  test('gives every node the same total when the arcs tile the circle', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        (peers, nodeCount) => {
          const total = new Float64Array(nodeCount);
          for (let index = 0; index < peers; index++) {
            // min = 1 and 1 / peers >= 1 / nodeCount, or an aperture of everything.
            const min = peers <= nodeCount ? 1 : nodeCount;
            const shares = aperture({ index, peers, min }).shares(nodeCount);
            shares.forEach((share, node) => (total[node]! += share));
          }
          for (const sum of total) expect(sum).toBeCloseTo(peers / nodeCount, 9);
        },
      ),
    );
  });

  test('draws as its shares say while loads are equal', () => {
    const policy = policies.aperture({ index: 1, peers: 3, min: 1 });
    const counts = countByRank(pickRanks(balancerOf({ policy }, 5), 20_000), 5);
    expect(counts.map((count) => Math.round(count / 2000) / 10)).toEqual([0, 0.2, 0.6, 0.2, 0]);
  });

  test('goes beyond its slice when all of it is down', () => {
    const policy = policies.aperture({ index: 0, peers: 3, min: 1 });
    const balancer = balancerOf({ policy }, 6);
    balancer.get('node-0')!.healthy = false;
    balancer.get('node-1')!.healthy = false;
    expect(new Set(pickRanks(balancer, 5))).toEqual(new Set([2]));
  });
});
