/** How evenly keys and picks spread, and how few keys move. Bounds from the cited papers' regime. */
import { describe, expect, test } from 'vitest';
import { Balancer, Node, policies, type Policy } from '../../src/index.ts';
import { balancerOf, countByRank, nodes, pickRanks, rankOf } from '../support.ts';

const KEY_COUNT = 100_000;
const KEYS = Array.from({ length: KEY_COUNT }, (_, i) => `key-${i}`);

describe.each([
  ['maglev 1021', () => policies.maglev({ tableSize: 1021 }), { 5: 2.5, 10: 3, 100: 6 }],
  ['maglev 65537', () => policies.maglev(), { 5: 0.5, 10: 0.5, 100: 1 }],
  ['maglev 655373', () => policies.maglev({ tableSize: 655_373 }), { 5: 0.1, 10: 0.1, 100: 0.25 }],
  ['hash', () => policies.hash(), { 5: 0, 10: 0, 100: 0 }],
  ['rendezvous', () => policies.rendezvous(), { 5: 0, 10: 0, 100: 0 }],
] as const)('when a node is removed, %s', (_name, policy, percentMax) => {
  test.each([5, 10, 100] as const)('moves few keys of the others, of %i nodes', (nodeCount) => {
    const balancer = balancerOf({ policy: policy() }, nodeCount);
    const before = KEYS.map((key) => balancer.next(key)!.id);
    balancer.remove('node-1');
    let extra = 0;
    KEYS.forEach((key, at) => {
      if (before[at] !== 'node-1' && balancer.next(key)!.id !== before[at]) extra++;
    });
    expect((extra * 100) / KEY_COUNT).toBeLessThanOrEqual(percentMax[nodeCount]);
  });
});

test.each([
  [5, 80],
  [10, 90],
  [100, 99],
])('moduloHash over %i nodes moves about %i %% of all keys', (nodeCount, percent) => {
  const balancer = balancerOf({ policy: policies.moduloHash() }, nodeCount);
  const before = KEYS.map((key) => balancer.next(key)!.id);
  balancer.remove('node-1');
  const moved = KEYS.filter((key, at) => balancer.next(key)!.id !== before[at]).length;
  expect(Math.abs((moved * 100) / KEY_COUNT - percent)).toBeLessThan(1);
});

describe('an added node', () => {
  test.each([
    ['hash', policies.hash()],
    ['rendezvous', policies.rendezvous()],
  ])('with %s takes its share, and no key moves elsewhere', (_name, policy) => {
    const balancer = balancerOf({ policy }, 10);
    const before = KEYS.map((key) => balancer.next(key)!.id);
    balancer.add(new Node('node-10'));
    let moved = 0;
    KEYS.forEach((key, at) => {
      const { id } = balancer.next(key)!;
      if (id === before[at]) return;
      moved++;
      expect(id).toBe('node-10');
    });
    // 1/11 of the keys, within the evenness of 160 points a node.
    expect(Math.abs(moved / KEY_COUNT - 1 / 11)).toBeLessThan(0.02);
  });
});

describe('keys spread', () => {
  const spread = (policy: Policy, nodeCount: number, keyCount = KEY_COUNT): number[] => {
    const balancer = balancerOf({ policy }, nodeCount);
    const ranks = KEYS.slice(0, keyCount).map((key) => rankOf(balancer.next(key)));
    return countByRank(ranks, nodeCount);
  };
  const deviation = (counts: readonly number[]): number => {
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    return Math.max(...counts.map((count) => Math.abs(count - mean))) / mean;
  };

  test.each([2, 5, 10])('within 20 %% of the mean with the ring of %i nodes', (nodeCount) => {
    expect(deviation(spread(policies.hash(), nodeCount))).toBeLessThan(0.2);
  });

  test('within 35 % of the mean with the ring of 100 nodes', () => {
    expect(deviation(spread(policies.hash(), 100))).toBeLessThan(0.35);
  });

  test('within 6 % of the mean with rendezvous of 10 nodes and 20 000 keys', () => {
    expect(deviation(spread(policies.rendezvous(), 10, 20_000))).toBeLessThan(0.06);
  });

  test('in proportion to the weights with rendezvous', () => {
    const balancer = new Balancer({ policy: policies.rendezvous(), nodes: nodes(3, [1, 2, 5]) });
    const counts = countByRank(
      KEYS.map((key) => rankOf(balancer.next(key))),
      3,
    );
    [1, 2, 5].forEach((weight, rank) => {
      expect(Math.abs(counts[rank]! / KEY_COUNT - weight / 8)).toBeLessThan(0.01);
    });
  });
});

describe('keys of one dead node of ten', () => {
  const shareOfOthers = (policy: Policy): number[] => {
    const balancer = balancerOf({ policy }, 10);
    balancer.get('node-3')!.healthy = false;
    const counts = countByRank(
      KEYS.map((key) => rankOf(balancer.next(key))),
      10,
    );
    expect(counts[3]).toBe(0);
    return counts.filter((_, rank) => rank !== 3).map((count) => (count * 100) / KEY_COUNT);
  };

  test('spread evenly with maglev: 11.1 % each, within half a point', () => {
    for (const percent of shareOfOthers(policies.maglev())) {
      expect(Math.abs(percent - 100 / 9)).toBeLessThan(0.5);
    }
  });

  test('spread with the ring between 9 and 13.5 %', () => {
    for (const percent of shareOfOthers(policies.hash())) {
      expect(percent).toBeGreaterThan(9);
      expect(percent).toBeLessThan(13.5);
    }
  });
});

describe('boundedHash', () => {
  test('passes over a node that holds more than its bounded share', () => {
    const held = nodes(4);
    [3, 1, 1, 1].forEach((load, rank) => {
      for (let job = 0; job < load; job++) held[rank]!.begin();
    });
    const balancer = new Balancer({ policy: policies.boundedHash(), nodes: held });
    const key = KEYS.find((each) => {
      const ring = new Balancer({ policy: policies.hash(), nodes: nodes(4) });
      return ring.next(each)!.id === 'node-0';
    });
    // ceil(1.25 * 7 / 4) = 3 jobs each: node-0 is full.
    expect(balancer.next(key)!.id).not.toBe('node-0');
    expect(balancer.next(key)).toBe(balancer.next(key));
  });

  test('holds one hot key to 313 of 1000 jobs on each of four nodes', () => {
    const balancer = balancerOf({ policy: policies.boundedHash() }, 4);
    for (let job = 0; job < 1000; job++) balancer.next('hot')!.begin();
    // ceil(1.25 * 1000 / 4)
    expect(Math.max(...balancer.nodes.map((node) => node.load()))).toBe(313);
  });
});

describe('p2c', () => {
  // Theory puts the fullest bin near ln ln n above the mean.
  test.each([2, 5, 10, 100])('keeps the fullest of %i nodes within 4 of the mean', (nodeCount) => {
    const balancer = balancerOf({ policy: policies.p2c(), seed: 3 }, nodeCount);
    for (let job = 0; job < 100_000; job++) balancer.next()!.begin();
    const loads = balancer.nodes.map((node) => node.load());
    expect(Math.max(...loads) - 100_000 / nodeCount).toBeLessThanOrEqual(4);
  });
});

describe('sampling policies', () => {
  test.each([
    ['p2c with 4 choices', policies.p2c({ choices: 4 })],
    ['peakEwma of all', policies.peakEwma({ choices: 'all' })],
    ['aperture', policies.aperture({ index: 0, peers: 1 })],
  ])('%s reach every node', (_name, policy) => {
    const balancer = balancerOf({ policy }, 8);
    const seen = new Set<number>();
    for (let job = 0; job < 200; job++) {
      const node = balancer.next()!;
      node.begin();
      seen.add(rankOf(node));
    }
    expect(seen.size).toBe(8);
    expect(pickRanks(balancer, 1)[0]).toBeGreaterThanOrEqual(0);
  });
});
