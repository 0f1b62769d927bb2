import { describe, expect, test } from 'vitest';
import { Balancer, Node, policies, type OutlierOptions } from '../src/index.ts';
import { successRateThreshold } from '../src/outlier.ts';
import { spreadOverLevels } from '../src/priority.ts';
import { slowStartFactor } from '../src/slow-start.ts';
import { balancerOf, countByRank, FakeClock, nodes, pickRanks, rankOf } from './support.ts';

function withOutlier(
  outlier: OutlierOptions,
  count = 10,
): { balancer: Balancer; clock: FakeClock; ejections: unknown[][] } {
  const clock = new FakeClock();
  const balancer = balancerOf({ policy: policies.roundRobin(), outlier, clock }, count);
  const ejections: unknown[][] = [];
  balancer.on('eject', (node, reason, ms) => ejections.push(['eject', node.id, reason, ms]));
  balancer.on('uneject', (node) => ejections.push(['uneject', node.id]));
  return { balancer, clock, ejections };
}

function report(
  balancer: Balancer,
  rank: number,
  outcomes: { ok?: number; failed?: number },
): void {
  for (let i = 0; i < (outcomes.ok ?? 0); i++) balancer.report(`node-${rank}`, true);
  for (let i = 0; i < (outcomes.failed ?? 0); i++) balancer.report(`node-${rank}`, false);
}

describe('ejection by consecutive failures', () => {
  test('takes a node out at once and brings it back when its time is over', () => {
    const { balancer, clock, ejections } = withOutlier({});
    report(balancer, 3, { failed: 4, ok: 0 });
    report(balancer, 3, { ok: 1 });
    report(balancer, 3, { failed: 4 });
    expect(ejections).toEqual([]);
    report(balancer, 3, { failed: 1 });
    expect(ejections).toEqual([['eject', 'node-3', 'consecutiveFailures', 30_000]]);
    expect(pickRanks(balancer, 20)).not.toContain(3);
    clock.advance(29_999);
    expect(pickRanks(balancer, 10)).not.toContain(3);
    clock.advance(1);
    expect(pickRanks(balancer, 10)).toContain(3);
    expect(ejections.at(-1)).toEqual(['uneject', 'node-3']);
  });

  test('is fed by end() of built-in nodes', () => {
    const { balancer, ejections } = withOutlier({ consecutiveFailures: 2 });
    const node = balancer.get('node-1')!;
    for (let i = 0; i < 2; i++) node.end(node.begin(), false);
    expect(ejections).toHaveLength(1);
    node.end(node.begin(), false);
    expect(balancer.stats().nodes[1]!.ejected).toBe(true);
  });

  test('lasts longer each time in a row, up to the maximum, and less after clean intervals', () => {
    const { balancer, clock, ejections } = withOutlier({
      maxEjectionMs: 70_000,
      successRate: false,
      failurePercent: false,
    });
    const lengths = (): unknown[] =>
      ejections.filter(([what]) => what === 'eject').map((e) => e[3]);
    for (const ms of [30_000, 60_000, 70_000]) {
      report(balancer, 0, { failed: 5 });
      clock.advance(ms);
      balancer.stats();
    }
    expect(lengths()).toEqual([30_000, 60_000, 70_000]);
    // Four intervals: the first still saw the ejection, three clean ones take it back to nothing.
    for (let i = 0; i < 4; i++) {
      clock.advance(10_000);
      balancer.stats();
    }
    report(balancer, 0, { failed: 5 });
    expect(lengths().at(-1)).toBe(30_000);
  });

  test('never takes more than the allowed share out, yet one of few', () => {
    const { balancer } = withOutlier({ maxEjectionPercent: 30 });
    for (let rank = 0; rank < 10; rank++) report(balancer, rank, { failed: 5 });
    expect(balancer.stats().nodes.filter((node) => node.ejected)).toHaveLength(3);
    const few = withOutlier({}, 2).balancer;
    for (let rank = 0; rank < 2; rank++) report(few, rank, { failed: 5 });
    expect(few.stats().nodes.map((node) => node.ejected)).toEqual([true, false]);
  });

  test('never takes the last node that could work', () => {
    const { balancer } = withOutlier({ maxEjectionPercent: 100 }, 3);
    balancer.get('node-0')!.healthy = false;
    report(balancer, 1, { failed: 5 });
    report(balancer, 2, { failed: 50 });
    expect(balancer.stats().nodes.map((node) => node.ejected)).toEqual([false, true, false]);
    expect(withOutlier({}, 1).balancer.report('node-0', false)).toBe(true);
    expect(balancer.report('nobody', false)).toBe(false);
  });

  test('by timer, without any pick, when the clock is the real one', async () => {
    const balancer = balancerOf(
      { policy: policies.first(), outlier: { baseEjectionMs: 1, consecutiveFailures: 1 } },
      3,
    );
    const back = new Promise<Node>((resolve) => balancer.once('uneject', resolve));
    balancer.report('node-0', false);
    // The timer does not keep the process alive by itself; something else must.
    const alive = setInterval(() => undefined, 1000);
    expect((await back).id).toBe('node-0');
    clearInterval(alive);
    balancer.destroy();
  });
});

describe('ejection by statistics', () => {
  test('computes the known threshold', () => {
    expect(successRateThreshold([1, 1, 1, 1, 0.5], 1.9)).toBeCloseTo(0.52, 12);
  });

  test('takes out the node whose success rate lies far below the others', () => {
    const { balancer, clock, ejections } = withOutlier({ consecutiveFailures: 0 }, 5);
    for (let rank = 0; rank < 4; rank++) report(balancer, rank, { ok: 100 });
    report(balancer, 4, { ok: 50, failed: 50 });
    clock.advance(10_000);
    balancer.next();
    expect(ejections).toEqual([['eject', 'node-4', 'successRate', 30_000]]);
  });

  test('needs enough nodes with enough jobs', () => {
    const { balancer, clock, ejections } = withOutlier({ consecutiveFailures: 0 }, 5);
    for (let rank = 0; rank < 4; rank++) report(balancer, rank, { ok: 99 });
    report(balancer, 4, { failed: 49 });
    clock.advance(10_000);
    balancer.next();
    expect(ejections).toEqual([]);
  });

  test('takes out the node that fails more than the fixed percentage', () => {
    const { balancer, clock, ejections } = withOutlier(
      { consecutiveFailures: 0, successRate: false },
      5,
    );
    for (let rank = 0; rank < 4; rank++) report(balancer, rank, { ok: 8, failed: 42 });
    report(balancer, 4, { ok: 7, failed: 43 });
    clock.advance(10_000);
    balancer.next();
    // 84 % against 86 %, the limit being 85 %.
    expect(ejections).toEqual([['eject', 'node-4', 'failurePercent', 30_000]]);
  });
});

describe('slow start', () => {
  test.each([
    [1, 0, 0.1],
    [1, 6000, 0.1],
    [1, 15_000, 0.25],
    [1, 30_000, 0.5],
    [1, 60_000, 1],
    [2, 15_000, 0.5],
  ])('with aggression %d after %i ms gives %d of the weight', (aggression, ageMs, factor) => {
    expect(slowStartFactor(ageMs, { windowMs: 60_000, aggression })).toBeCloseTo(factor, 12);
  });

  test('raises the share of an added node along the formula', () => {
    const clock = new FakeClock();
    const slowStart = { windowMs: 60_000 };
    const balancer = balancerOf({ policy: policies.random(), slowStart, clock }, 3);
    expect(balancer.stats().nodes.map((node) => node.effectiveWeight)).toEqual([1, 1, 1]);
    balancer.add(new Node('node-3'));
    for (let ageMs = 0; ageMs <= 70_000; ageMs += 7000) {
      const share = countByRank(pickRanks(balancer, 20_000), 4)[3]! / 20_000;
      const weight = slowStartFactor(ageMs, slowStart);
      expect(Math.abs(share - weight / (3 + weight))).toBeLessThan(0.05);
      clock.advance(7000);
    }
    expect(balancer.stats().nodes[3]!.effectiveWeight).toBe(1);
  });

  test('begins anew when a node comes back from being down or ejected', () => {
    const clock = new FakeClock();
    const balancer = balancerOf(
      { policy: policies.roundRobin(), slowStart: { windowMs: 10_000 }, outlier: {}, clock },
      3,
    );
    const weights = (): number[] => balancer.stats().nodes.map((node) => node.effectiveWeight);
    balancer.get('node-0')!.healthy = false;
    balancer.get('node-0')!.healthy = true;
    report(balancer, 1, { failed: 5 });
    expect(weights()).toEqual([0.1, 1, 1]);
    clock.advance(30_000);
    balancer.next();
    expect(weights()).toEqual([1, 0.1, 1]);
    clock.advance(5000);
    expect(weights()[1]).toBeCloseTo(0.5, 12);
  });

  test('scales a weight that changes meanwhile', () => {
    const clock = new FakeClock();
    const slowStart = { windowMs: 10_000 };
    const balancer = balancerOf({ policy: policies.random(), slowStart, clock }, 1);
    balancer.add(new Node('node-1', { weight: 10 }));
    clock.advance(5000);
    balancer.get('node-1')!.weight = 20;
    expect(balancer.stats().nodes[1]!.effectiveWeight).toBeCloseTo(10, 12);
  });

  test('leaves the mapping of keys alone', () => {
    const clock = new FakeClock();
    const settled = balancerOf({ policy: policies.hash() }, 4);
    const balancer = balancerOf(
      { policy: policies.hash(), slowStart: { windowMs: 1e6 }, clock },
      3,
    );
    balancer.add(new Node('node-3'));
    for (let i = 0; i < 500; i++) {
      expect(rankOf(balancer.next(`k${i}`))).toBe(rankOf(settled.next(`k${i}`)));
    }
  });
});

describe('panic', () => {
  test('ignores health below the threshold, and says so on entry and exit, once each', () => {
    const balancer = balancerOf({ policy: policies.roundRobin(), panicThreshold: 50 }, 4);
    const events: boolean[] = [];
    balancer.on('panic', (active) => events.push(active));
    const setUp = (count: number): void =>
      balancer.nodes.forEach((node, rank) => (node.healthy = rank < count));
    setUp(2);
    expect(new Set(pickRanks(balancer, 8))).toEqual(new Set([0, 1]));
    setUp(1);
    expect(new Set(pickRanks(balancer, 8))).toEqual(new Set([0, 1, 2, 3]));
    expect(balancer.stats().panicking).toBe(true);
    setUp(0);
    expect(pickRanks(balancer, 1)).not.toContain(-1);
    setUp(3);
    expect(new Set(pickRanks(balancer, 9))).toEqual(new Set([0, 1, 2]));
    expect(events).toEqual([true, false]);
  });

  test('still spares nodes that drain, have weight 0 or are full', () => {
    const balancer = balancerOf({ policy: policies.roundRobin(), panicThreshold: 100 }, 5);
    balancer.get('node-0')!.drain();
    balancer.get('node-1')!.weight = 0;
    balancer.update('node-2', { maxConcurrency: 1 });
    balancer.get('node-2')!.begin();
    balancer.get('node-3')!.healthy = false;
    expect(new Set(pickRanks(balancer, 10))).toEqual(new Set([3, 4]));
  });

  test('does not start because a pool is merely full', () => {
    const balancer = balancerOf({ policy: policies.roundRobin(), panicThreshold: 50 }, 2);
    for (const node of balancer.nodes) {
      balancer.update(node.id, { maxConcurrency: 1 });
      node.begin();
    }
    expect(balancer.next()).toBeNull();
    expect(balancer.stats().panicking).toBe(false);
  });
});

describe('priorities', () => {
  test.each([
    [100, 100, 100, 0],
    [72, 100, 100, 0],
    [71, 100, 99, 1],
    [50, 100, 70, 30],
    [25, 100, 35, 65],
    [0, 100, 0, 100],
    [25, 25, 50, 50],
    [0, 0, 0, 0],
  ])('with %i and %i %% up send %i and %i %% of the traffic', (p0, p1, share0, share1) => {
    const percent = new Int32Array(2);
    spreadOverLevels([p0, p1], [100, 100], percent);
    expect([...percent]).toEqual([share0, share1]);
  });

  test('spread every pick somewhere whatever is up', () => {
    for (let state = 0; state < 6 ** 3; state++) {
      const eligible = [state % 6, Math.floor(state / 6) % 6, Math.floor(state / 36)];
      const percent = new Int32Array(3);
      spreadOverLevels(eligible, [5, 5, 5], percent);
      const sum = percent.reduce((total, each) => total + each, 0);
      expect(sum).toBe(state === 0 ? 0 : 100);
    }
  });

  test('keep the second level idle until the first has lost enough nodes', () => {
    const pool = nodes(8).map((node, i) => new Node(node.id, { priority: i < 4 ? 0 : 1 }));
    const balancer = new Balancer({ policy: policies.roundRobin(), nodes: pool, seed: 2 });
    expect(Math.max(...pickRanks(balancer, 200))).toBeLessThan(4);
    balancer.get('node-0')!.healthy = false;
    balancer.get('node-1')!.healthy = false;
    const second = pickRanks(balancer, 10_000).filter((rank) => rank >= 4).length;
    // 30 % within four standard deviations.
    expect(Math.abs(second - 3000)).toBeLessThan(184);
  });

  test('keep a key on its level', () => {
    const pool = nodes(8).map((node, i) => new Node(node.id, { priority: i < 4 ? 0 : 1 }));
    const balancer = new Balancer({ policy: policies.maglev(), nodes: pool, seed: 2 });
    balancer.get('node-0')!.healthy = false;
    balancer.get('node-1')!.healthy = false;
    for (let i = 0; i < 100; i++) {
      expect(new Set(pickRanks(balancer, 5, `key-${i}`)).size).toBe(1);
    }
  });

  test('let a retry go to the next level when the first has been tried', () => {
    const pool = [new Node('node-0'), new Node('node-1', { priority: 1 })];
    const balancer = new Balancer({ policy: policies.roundRobin(), nodes: pool });
    expect(rankOf(balancer.nextExcept(undefined, new Set([pool[0]!])))).toBe(1);
  });
});

describe('zones', () => {
  test('prefer the own zone, then the rest of the same priority, then the next priority', () => {
    const pool = [
      new Node('node-0', { zone: 'b' }),
      new Node('node-1', { zone: 'a' }),
      new Node('node-2', { zone: 'a', priority: 1 }),
    ];
    const balancer = new Balancer({ policy: policies.roundRobin(), nodes: pool, zone: 'a' });
    expect(pickRanks(balancer, 3)).toEqual([1, 1, 1]);
    pool[1]!.healthy = false;
    expect(pickRanks(balancer, 3)).toEqual([0, 0, 0]);
    pool[0]!.healthy = false;
    expect(pickRanks(balancer, 3)).toEqual([2, 2, 2]);
  });
});
