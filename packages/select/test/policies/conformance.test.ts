/** What every policy must do, whatever it is: run against each of them, with both kinds of nodes. */
import { describe, expect, test } from 'vitest';
import { Balancer, Node, policies, type NodeLike, type Policy } from '../../src/index.ts';
import { nodes, OwnNode, rankOf } from '../support.ts';

const probe = (): Promise<{ inFlight: number; latencyMs: number }> =>
  Promise.resolve({ inFlight: 0, latencyMs: 1 });

const ALL: readonly [string, () => Policy][] = [
  ['roundRobin', () => policies.roundRobin()],
  ['weightedRoundRobin', () => policies.weightedRoundRobin()],
  ['hash', () => policies.hash()],
  ['moduloHash', () => policies.moduloHash()],
  ['leastConnection', () => policies.leastConnection()],
  ['leastTime', () => policies.leastTime()],
  ['random', () => policies.random()],
  ['p2c', () => policies.p2c()],
  ['p2c of 3', () => policies.p2c({ choices: 3 })],
  ['peakEwma', () => policies.peakEwma()],
  ['peakEwma of all', () => policies.peakEwma({ choices: 'all' })],
  ['maglev', () => policies.maglev({ tableSize: 1021 })],
  ['rendezvous', () => policies.rendezvous()],
  ['boundedHash', () => policies.boundedHash()],
  ['sticky', () => policies.sticky({ inner: policies.leastConnection() })],
  ['first', () => policies.first()],
  ['prequal', () => policies.prequal({ probe })],
  ['aperture', () => policies.aperture({ index: 0, peers: 3, min: 2 })],
];
const KINDS = ['built-in', 'own', 'mixed'] as const;
const KEYS = [undefined, '', 'client-1', 42];

/** Five nodes of a kind, each of which `setHealth` can reach. */
function poolOf(kind: (typeof KINDS)[number], count: number): (Node | OwnNode)[] {
  return nodes(count).map((node, i) =>
    kind === 'own' || (kind === 'mixed' && i % 2 === 1) ? new OwnNode(node.id) : node,
  );
}

function setHealth(node: Node | OwnNode, healthy: boolean): void {
  node.healthy = healthy;
}

describe.each(ALL)('%s', (_name, policy) => {
  describe.each(KINDS)('with %s nodes', (kind) => {
    const balancerOf = (pool: readonly (Node | OwnNode)[]): Balancer<Node | OwnNode> =>
      new Balancer({ policy: policy(), nodes: pool, seed: 7 });
    const pickAll = <N extends NodeLike>(balancer: Balancer<N>): number[] =>
      KEYS.flatMap((key) => [1, 2, 3, 4].map(() => rankOf(balancer.next(key))));

    test('returns null for an empty pool', () => {
      expect(new Set(pickAll(balancerOf([])))).toEqual(new Set([-1]));
    });

    test('returns null when all nodes are down', () => {
      const pool = poolOf(kind, 4);
      for (const node of pool) setHealth(node, false);
      expect(new Set(pickAll(balancerOf(pool)))).toEqual(new Set([-1]));
    });

    test('returns the only node', () => {
      expect(new Set(pickAll(balancerOf(poolOf(kind, 1))))).toEqual(new Set([0]));
    });

    test('returns the only node that is up', () => {
      const pool = poolOf(kind, 5);
      const balancer = balancerOf(pool);
      pool.forEach((node, i) => setHealth(node, i === 3));
      expect(new Set(pickAll(balancer))).toEqual(new Set([3]));
    });

    test('returns null when all weights are 0', () => {
      const balancer = balancerOf(poolOf(kind, 3));
      for (const { id } of balancer.nodes) balancer.update(id, { weight: 0 });
      expect(new Set(pickAll(balancer))).toEqual(new Set([-1]));
    });

    test('returns null when every node has reached its maxConcurrency', () => {
      const balancer = balancerOf(poolOf(kind, 3));
      for (const node of balancer.nodes) {
        balancer.update(node.id, { maxConcurrency: 1 });
        if (node instanceof Node) node.begin();
        else node.inFlight = 1;
      }
      expect(new Set(pickAll(balancer))).toEqual(new Set([-1]));
    });

    test('returns null when all nodes are being removed gracefully', async () => {
      const balancer = balancerOf(poolOf(kind, 3));
      for (const node of balancer.nodes) {
        if (node instanceof Node) node.begin();
        else node.inFlight = 1;
      }
      const removals = balancer.nodes.map((node) => balancer.removeGracefully(node.id));
      expect(new Set(pickAll(balancer))).toEqual(new Set([-1]));
      for (const node of balancer.nodes) balancer.remove(node.id);
      expect(await Promise.all(removals)).toEqual([1, 1, 1]);
    });

    test('sees a change of health at the very next pick', () => {
      const pool = poolOf(kind, 3);
      const balancer = balancerOf(pool);
      pickAll(balancer);
      for (let up = 0; up < 3; up++) {
        pool.forEach((node, i) => setHealth(node, i === up));
        for (const key of KEYS) expect(rankOf(balancer.next(key))).toBe(up);
      }
    });

    test('never returns a node that was removed, nor one already tried', () => {
      const balancer = balancerOf(poolOf(kind, 4));
      pickAll(balancer);
      balancer.remove('node-2');
      const tried = new Set([balancer.get('node-0')!, balancer.get('node-3')!]);
      for (const key of KEYS) {
        for (let i = 0; i < 10; i++) expect(rankOf(balancer.next(key))).not.toBe(2);
        expect(rankOf(balancer.nextExcept(key, tried))).toBe(1);
      }
      tried.add(balancer.get('node-1')!);
      expect(balancer.nextExcept('k', tried)).toBeNull();
    });

    test('repeats itself with the same seed and the same calls', () => {
      const [one, two] = [1, 2].map(() => pickAll(balancerOf(poolOf(kind, 7))));
      expect(one).toEqual(two);
    });
  });

  test('may be swapped in and out, each time from its initial state', () => {
    const balancer = new Balancer({ policy: policy(), nodes: nodes(5), seed: 3 });
    const description = balancer.policy;
    const before = [1, 2, 3, 4, 5, 6].map(() => rankOf(balancer.next('k')));
    balancer.policy = policies.first();
    expect(rankOf(balancer.next('k'))).toBe(0);
    balancer.policy = description;
    if (description.hashKey !== undefined) {
      expect([1, 2, 3, 4, 5, 6].map(() => rankOf(balancer.next('k')))).toEqual(before);
    } else {
      expect(rankOf(balancer.next('k'))).toBeGreaterThanOrEqual(0);
    }
    expect(balancer.stats().picks).toBe(13 - (description.hashKey !== undefined ? 0 : 5));
  });
});
