import { describe, expect, test } from 'vitest';
import { Balancer, Node, policies, type Policy } from '../../src/index.ts';
import { balancerOf, countByRank, nodes, OwnNode, pickRanks } from '../support.ts';

/** Weighted nodes as in the tables: A is rank 0. */
function weighted(policy: Policy, weights: readonly number[], seed = 1): Balancer {
  return new Balancer({ policy, seed, nodes: nodes(weights.length, weights) });
}

function lettersOf(ranks: readonly number[]): string {
  return ranks.map((rank) => 'ABCDEFGH'[rank]).join(' ');
}

describe('roundRobin', () => {
  test('goes round three nodes', () => {
    expect(pickRanks(balancerOf({ policy: policies.roundRobin() }, 3), 6)).toEqual([
      0, 1, 2, 0, 1, 2,
    ]);
  });

  test('gives the node after a dead one no double share', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 4);
    balancer.get('node-0')!.healthy = false;
    expect(pickRanks(balancer, 5)).toEqual([1, 2, 3, 1, 2]);
    expect(countByRank(pickRanks(balancer, 3000), 4)).toEqual([0, 1000, 1000, 1000]);
  });

  test('starts where it is told', () => {
    const balancer = balancerOf({ policy: policies.roundRobin({ start: 1 }) }, 10);
    for (let i = 1; i < 10; i += 2) balancer.get(`node-${i}`)!.healthy = false;
    expect(pickRanks(balancer, 6)).toEqual([2, 4, 6, 8, 0, 2]);
  });

  test.each([2 ** 31 - 2, 2 ** 32 - 2, Number.MAX_SAFE_INTEGER - 1])(
    'neither overflows nor stalls from start %i',
    (start) => {
      const balancer = balancerOf({ policy: policies.roundRobin({ start }) }, 7);
      const ranks = pickRanks(balancer, 700);
      expect(ranks[0]).toBe(start % 7);
      expect(countByRank(ranks, 7)).toEqual([100, 100, 100, 100, 100, 100, 100]);
    },
  );

  test('keeps its place when a node before the cursor leaves', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 4);
    expect(pickRanks(balancer, 2)).toEqual([0, 1]);
    balancer.remove('node-0');
    expect(pickRanks(balancer, 4)).toEqual([2, 3, 1, 2]);
  });

  test('lets an added node join at the end of the rotation', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 2);
    expect(pickRanks(balancer, 1)).toEqual([0]);
    balancer.add(new Node('node-2'));
    expect(pickRanks(balancer, 4)).toEqual([1, 2, 0, 1]);
  });
});

describe('moduloHash', () => {
  test('sends the empty key to index 1 of 5, or to the first that is up', () => {
    const balancer = balancerOf({ policy: policies.moduloHash() }, 5);
    expect(pickRanks(balancer, 1, '')).toEqual([1]);
    balancer.get('node-1')!.healthy = false;
    balancer.get('node-2')!.healthy = false;
    expect(pickRanks(balancer, 5, '')).toEqual([0, 0, 0, 0, 0]);
  });

  test('falls back to the next node when told', () => {
    const balancer = balancerOf({ policy: policies.moduloHash({ fallback: 'next' }) }, 5);
    balancer.get('node-1')!.healthy = false;
    balancer.get('node-2')!.healthy = false;
    expect(pickRanks(balancer, 2, '')).toEqual([3, 3]);
  });

  test('maps known keys to known indices of 10', () => {
    const balancer = balancerOf({ policy: policies.moduloHash() }, 10);
    expect(pickRanks(balancer, 1, '127.0.0.1')).toEqual([6]);
    expect(pickRanks(balancer, 1, 'foobar')).toEqual([0]);
  });

  test('sends numbers where their decimal strings go', () => {
    const balancer = balancerOf({ policy: policies.moduloHash() }, 97);
    for (const key of [0, 7, 42, -3, 2 ** 40, 1.5]) {
      expect(balancer.next(key)).toBe(balancer.next(String(key)));
    }
  });
});

describe('leastConnection', () => {
  test('takes the node with fewer jobs among those that are up', () => {
    const balancer = new Balancer({
      policy: policies.leastConnection(),
      nodes: [
        new OwnNode('node-0', { inFlight: 2 }),
        new OwnNode('node-1', { inFlight: 1 }),
        new OwnNode('node-2', { healthy: false }),
      ],
    });
    expect(pickRanks(balancer, 3)).toEqual([1, 1, 1]);
  });

  test.each([
    ['rotate', [0, 1, 2, 0, 1, 2]],
    ['first', [0, 0, 0, 0, 0, 0]],
  ] as const)('breaks ties by "%s"', (tieBreak, expected) => {
    const balancer = balancerOf({ policy: policies.leastConnection({ tieBreak }) }, 3);
    expect(pickRanks(balancer, 6)).toEqual(expected);
  });

  test('breaks ties evenly at random', () => {
    const balancer = balancerOf({ policy: policies.leastConnection({ tieBreak: 'random' }) }, 4);
    for (const count of countByRank(pickRanks(balancer, 40_000), 4)) {
      // Four standard deviations of a binomial with p = 1/4.
      expect(Math.abs(count - 10_000)).toBeLessThan(347);
    }
  });

  test('weighs jobs by weight: 2/1 against 3/2', () => {
    const [light, heavy] = nodes(2, [1, 2]);
    light!.begin();
    heavy!.begin();
    heavy!.begin();
    const policy = policies.leastConnection();
    expect(pickRanks(new Balancer({ policy, nodes: [light!, heavy!] }), 1)).toEqual([1]);
  });
});

describe('leastTime', () => {
  test('takes the node with the smaller average', () => {
    const balancer = new Balancer({
      policy: policies.leastTime(),
      nodes: [
        new OwnNode('node-0', { averageMs: 10_000 / 1000, total: 1000 }),
        new OwnNode('node-1', { averageMs: 5000 / 1000, total: 1000 }),
      ],
    });
    expect(pickRanks(balancer, 3)).toEqual([1, 1, 1]);
  });

  test('keeps to the fastest node that is up', () => {
    const averages = [2, 2, 1];
    const balancer = new Balancer({
      policy: policies.leastTime(),
      nodes: averages.map(
        (averageMs, i) => new OwnNode(`node-${i}`, { averageMs, healthy: i !== 0 }),
      ),
    });
    expect(pickRanks(balancer, 4)).toEqual([2, 2, 2, 2]);
  });

  test('sends a cold node one job at a time', () => {
    const warm = new OwnNode('node-0', { averageMs: 5 });
    const cold = new OwnNode('node-1');
    const balancer = new Balancer({ policy: policies.leastTime(), nodes: [warm, cold] });
    expect(pickRanks(balancer, 1)).toEqual([1]);
    cold.inFlight = 1;
    expect(pickRanks(balancer, 3)).toEqual([0, 0, 0]);
  });

  test('spreads over the least loaded while every node is cold', () => {
    const loads = [3, 1, 2];
    const balancer = new Balancer({
      policy: policies.leastTime(),
      nodes: loads.map((inFlight, i) => new OwnNode(`node-${i}`, { inFlight })),
    });
    expect(pickRanks(balancer, 2)).toEqual([1, 1]);
  });

  test('with "prefer" gives a cold node everything', () => {
    const balancer = new Balancer({
      policy: policies.leastTime({ cold: 'prefer' }),
      nodes: [new OwnNode('node-0', { averageMs: 5 }), new OwnNode('node-1', { inFlight: 50 })],
    });
    expect(pickRanks(balancer, 3)).toEqual([1, 1, 1]);
  });

  test('compares built-in moving averages taken at different times', () => {
    const clock = { nowMs: 0, now: (): number => clock.nowMs };
    const [a, b] = nodes(2);
    const balancer = new Balancer({ policy: policies.leastTime(), nodes: [a!, b!], clock });
    const work = (node: Node, ms: number): void => {
      const token = node.begin();
      clock.nowMs += ms;
      node.end(token);
    };
    work(a!, 100);
    clock.nowMs += 30_000;
    // After 30 s the 100 ms of node 0 have decayed to 5 ms.
    work(b!, 20);
    expect(pickRanks(balancer, 2)).toEqual([0, 0]);
    expect(a!.averageResponseTime()).toBeCloseTo(100 * Math.exp(-30_020 / 10_000), 9);
  });

  test('rescales averages over days without changing their order', () => {
    const clock = { nowMs: 0, now: (): number => clock.nowMs };
    const [slow, fast] = nodes(2);
    const balancer = new Balancer({ policy: policies.leastTime(), nodes: [slow!, fast!], clock });
    for (let day = 0; day < 3; day++) {
      for (let hour = 0; hour < 24; hour++) {
        for (const [node, ms] of [
          [slow!, 40],
          [fast!, 10],
        ] as const) {
          const token = node.begin();
          clock.nowMs += ms;
          node.end(token);
        }
        expect(pickRanks(balancer, 1)).toEqual([1]);
        clock.nowMs += 3_600_000;
      }
    }
  });
});

describe('weightedRoundRobin', () => {
  test.each([
    [[5, 1, 1], 'A A B A C A A'],
    [[3, 2, 1], 'A B A C B A'],
    [[4, 3, 2, 1], 'A B C A B D A C B A'],
    [[2, 0, 1], 'A C A A C A'],
  ])('with weights %j gives %s', (weights, expected) => {
    const balancer = weighted(policies.weightedRoundRobin(), weights);
    expect(lettersOf(pickRanks(balancer, expected.split(' ').length))).toBe(expected);
  });

  test('lets a node that comes back start without old credit', () => {
    const balancer = weighted(policies.weightedRoundRobin(), [1, 1, 1]);
    pickRanks(balancer, 1);
    balancer.get('node-2')!.healthy = false;
    pickRanks(balancer, 10);
    balancer.get('node-2')!.healthy = true;
    expect(countByRank(pickRanks(balancer, 300), 3)).toEqual([100, 100, 100]);
  });
});

describe('random', () => {
  test('with seed 42 and weights 1, 2, 3 repeats the known picks', () => {
    const ranks = pickRanks(weighted(policies.random(), [1, 2, 3], 42), 10);
    expect(lettersOf(ranks)).toBe('A C A C C B C C C B');
  });

  test('gives each node its share within four standard deviations', () => {
    const picks = 60_000;
    const shares = [1 / 6, 2 / 6, 3 / 6];
    const counts = countByRank(pickRanks(weighted(policies.random(), [1, 2, 3], 9), picks), 3);
    shares.forEach((share, rank) => {
      const deviation = Math.sqrt(picks * share * (1 - share));
      expect(Math.abs(counts[rank]! - picks * share)).toBeLessThan(4 * deviation);
    });
  });
});

describe('p2c', () => {
  test('with seed 1 repeats the known picks when every pick adds a job', () => {
    const balancer = balancerOf({ policy: policies.p2c() }, 5);
    const ranks = Array.from({ length: 10 }, () => {
      const node = balancer.next()!;
      node.begin();
      return Number(node.id.slice(5));
    });
    expect(ranks).toEqual([0, 3, 2, 1, 2, 3, 0, 4, 1, 4]);
  });

  test('finds the one polled node that is up among fifty', () => {
    const own = Array.from(
      { length: 50 },
      (_, i) => new OwnNode(`node-${i}`, { healthy: i === 33 }),
    );
    const balancer = new Balancer({ policy: policies.p2c(), nodes: own, seed: 5 });
    expect(pickRanks(balancer, 200).every((rank) => rank === 33)).toBe(true);
  });
});

describe('first', () => {
  test('packs jobs onto the lowest node that has room', () => {
    const packed = Array.from(
      { length: 3 },
      (_, i) => new Node(`node-${i}`, { maxConcurrency: 2 }),
    );
    const balancer = new Balancer({ policy: policies.first(), nodes: packed });
    const ranks = Array.from({ length: 6 }, () => {
      const node = balancer.next()!;
      node.begin();
      return Number(node.id.slice(5));
    });
    expect(ranks).toEqual([0, 0, 1, 1, 2, 2]);
    expect(balancer.next()).toBeNull();
  });
});

describe('settings for parity with the Go library', () => {
  test('repeat its selections', () => {
    const loads = [30, 30, 29, 29];
    const cumulative = loads.map((load, i) => {
      const node = new Node(`node-${i}`, { average: 'cumulative' });
      for (let job = 0; job < load; job++) node.begin();
      return node;
    });
    const balancer = new Balancer({
      policy: policies.leastConnection({ tieBreak: 'first' }),
      nodes: cumulative,
    });
    expect(pickRanks(balancer, 3)).toEqual([2, 2, 2]);
    balancer.policy = policies.roundRobin({ start: 1 });
    expect(pickRanks(balancer, 4)).toEqual([1, 2, 3, 0]);
    balancer.policy = policies.leastTime({ tieBreak: 'first', cold: 'prefer' });
    expect(pickRanks(balancer, 2)).toEqual([0, 0]);
  });
});
