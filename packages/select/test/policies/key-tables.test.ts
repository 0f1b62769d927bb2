import { describe, expect, test } from 'vitest';
import { Balancer, buildMaglevTable, maglevRow, policies } from '../../src/index.ts';
import { NodeTable } from '../../src/node-table.ts';
import { Ring } from '../../src/policies/ring.ts';
import { balancerOf, countByRank, nodes, pickRanks } from '../support.ts';

const KEYS = ['client-1', 'client-2', '127.0.0.1', '10.0.0.1', 'user:42', ''];

describe.each([
  ['maglev', policies.maglev(), [0, 0, 4, 3, 4, 4], 'node-0', [4, 3, 4, 3, 4, 4]],
  ['hash', policies.hash(), [4, 2, 4, 2, 3, 4], 'node-4', [3, 2, 3, 2, 3, 3]],
  ['rendezvous', policies.rendezvous(), [2, 3, 0, 2, 2, 1], 'node-2', [4, 3, 0, 0, 4, 1]],
] as const)('%s', (_name, policy, expected, down, expectedWithout) => {
  const ranksOf = (balancer: Balancer): number[] =>
    KEYS.map((key) => pickRanks(balancer, 1, key)[0]!);

  test('maps the known keys to the known nodes', () => {
    expect(ranksOf(balancerOf({ policy }))).toEqual(expected);
  });

  test(`moves only the keys of ${down} when it is down, and exactly back afterwards`, () => {
    const balancer = balancerOf({ policy });
    balancer.get(down)!.healthy = false;
    expect(ranksOf(balancer)).toEqual(expectedWithout);
    balancer.get(down)!.healthy = true;
    expect(ranksOf(balancer)).toEqual(expected);
  });

  test('maps alike whatever the order in which nodes were added', () => {
    for (const order of [
      [4, 3, 2, 1, 0],
      [2, 0, 4, 1, 3],
    ]) {
      const shuffled = order.map((i) => nodes(5)[i]!);
      expect(ranksOf(new Balancer({ policy, nodes: shuffled }))).toEqual(expected);
    }
  });

  test('sends requests without a key round robin', () => {
    expect(pickRanks(balancerOf({ policy }), 6)).toEqual([0, 1, 2, 3, 4, 0]);
  });
});

describe('the Maglev table', () => {
  test('starts and steps at the known offsets and skips', () => {
    const rows = [0, 1, 2, 3, 4].map((i) => maglevRow(`node-${i}`, 1, 65_537));
    expect(rows.map(({ offset, skip }) => `${offset}:${skip}`)).toEqual([
      '2003:21066',
      '48260:54940',
      '52077:62640',
      '18202:28806',
      '57945:2526',
    ]);
    const table = buildMaglevTable(rows, 65_537);
    expect([...table.subarray(0, 10)]).toEqual([4, 1, 1, 2, 1, 4, 1, 2, 4, 0]);
    expect(countByRank([...table], 5)).toEqual([13_108, 13_108, 13_107, 13_107, 13_107]);
  });

  test('is the textbook one for seven slots', () => {
    const rows = [
      { offset: 3, skip: 4, weight: 1 },
      { offset: 0, skip: 2, weight: 1 },
      { offset: 3, skip: 1, weight: 1 },
    ];
    expect([...buildMaglevTable(rows, 7)]).toEqual([1, 0, 1, 0, 2, 2, 0]);
    // Without node 1 the indices 0 and 1 stand for nodes 0 and 2.
    expect([...buildMaglevTable([rows[0]!, rows[2]!], 7)]).toEqual([0, 0, 0, 0, 1, 1, 1]);
  });

  test.each([
    [
      [1, 2],
      [21_846, 43_691],
    ],
    [
      [1, 2, 3],
      [10_923, 21_846, 32_768],
    ],
  ])('with weights %j gives %j slots', (weights, expected) => {
    const rows = weights.map((weight, i) => maglevRow(`node-${i}`, weight, 65_537));
    const counts = countByRank([...buildMaglevTable(rows, 65_537)], weights.length);
    expect(counts).toEqual(expected);
  });

  test('gives a node of weight 0 no slot, and takes the smallest type that fits', () => {
    const table = buildMaglevTable([maglevRow('a', 0, 251), maglevRow('b', 1, 251)], 251);
    expect(table).toBeInstanceOf(Uint8Array);
    expect([...table].every((slot) => slot === 1)).toBe(true);
    const many = Array.from({ length: 300 }, (_, i) => maglevRow(`n${i}`, 1, 4093));
    expect(buildMaglevTable(many, 4093)).toBeInstanceOf(Uint16Array);
  });
});

describe('the ring', () => {
  test('of five equal nodes has 800 points, the lowest at 71367 of node-4', () => {
    const ring = new Ring(tableOf([1, 1, 1, 1, 1]), { replicas: 160, seed: 0 });
    expect(ring.size).toBe(800);
    expect(ring.hashes[0]).toBe(71_367);
    expect(ring.owners[0]).toBe(4);
  });

  test('finds for every hash the first point at or after it', () => {
    const ring = new Ring(tableOf([1, 2, 3]), { replicas: 7, seed: 3 });
    const hashes = [...ring.hashes];
    for (const hash of [0, 2 ** 32 - 1, ...hashes, ...hashes.map((each) => (each + 1) >>> 0)]) {
      const expected = hashes.findIndex((each) => each >= hash);
      expect(ring.pointFor(hash)).toBe(expected < 0 ? 0 : expected);
    }
  });

  test('gives points in proportion to the weights, and at least one', () => {
    const ring = new Ring(tableOf([1, 2, 0.001]), { replicas: 100, seed: 0 });
    expect(countByRank([...ring.owners], 3)).toEqual([100, 200, 1]);
  });
});

function tableOf(weights: readonly number[]): NodeTable {
  const rows = nodes(weights.length, weights).map((node) => ({
    node,
    weight: node.weight,
    effectiveWeight: node.weight,
    limit: Infinity,
    blocked: 0,
    picks: 0,
  }));
  return new NodeTable(rows, { reads: {}, panicPercent: 0 });
}
