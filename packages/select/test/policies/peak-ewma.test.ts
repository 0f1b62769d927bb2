import { describe, expect, test } from 'vitest';
import { Balancer, policies } from '../../src/index.ts';
import { DecayingCosts } from '../../src/policies/peak-ewma.ts';
import { FakeClock, nodes, OwnNode, pickRanks } from '../support.ts';

function costsOfOne(tauMs: number): DecayingCosts {
  const costs = new DecayingCosts(tauMs);
  costs.membersChanged(Int32Array.of(-1));
  return costs;
}

describe('the peak-sensitive average', () => {
  test('takes peaks at once and decays with time: the known costs', () => {
    const costs = costsOfOne(10_000);
    costs.observe(0, Float64Array.of(100, 0));
    expect(costs.costAt(0, 0)).toBeCloseTo(100, 3);
    costs.observe(0, Float64Array.of(50, 10_000));
    expect(costs.costAt(0, 10_000)).toBeCloseTo(68.394, 3);
    costs.observe(0, Float64Array.of(200, 15_000));
    expect(costs.costAt(0, 15_000)).toBeCloseTo(200, 3);
    expect(costs.costAt(0, 25_000)).toBeCloseTo(73.576, 3);
  });

  test('survives gaps of any length', () => {
    const costs = costsOfOne(1);
    costs.observe(0, Float64Array.of(100, 0));
    costs.observe(0, Float64Array.of(5, 1e12));
    expect(costs.costAt(0, 1e12)).toBeCloseTo(5, 9);
    expect(costs.costAt(0, 1e12 + 10_000)).toBe(0);
  });

  test('does not depend on how often it is read', () => {
    const read = costsOfOne(1000);
    const unread = costsOfOne(1000);
    for (let t = 0; t < 5000; t += 250) {
      read.observe(0, Float64Array.of(10 + (t % 70), t));
      unread.observe(0, Float64Array.of(10 + (t % 70), t));
      read.costAt(0, t + 100);
    }
    expect(read.costAt(0, 6000)).toBe(unread.costAt(0, 6000));
  });
});

describe('peakEwma', () => {
  test('sends one probe to a node never observed, then waits for its answer', () => {
    const clock = new FakeClock();
    const [known, fresh] = nodes(2);
    const balancer = new Balancer({
      policy: policies.peakEwma({ choices: 'all' }),
      nodes: [known!, fresh!],
      clock,
    });
    const first = known!.begin();
    clock.advance(5);
    known!.end(first);
    expect(pickRanks(balancer, 1)).toEqual([1]);
    const probe = fresh!.begin();
    expect(pickRanks(balancer, 5)).toEqual([0, 0, 0, 0, 0]);
    clock.advance(1);
    fresh!.end(probe);
    expect(pickRanks(balancer, 1)).toEqual([1]);
  });

  test('leaves a node on its first slow answer and returns as the cost decays', () => {
    const clock = new FakeClock();
    const pair = nodes(2);
    const balancer = new Balancer({
      policy: policies.peakEwma({ choices: 'all', tauMs: 1000 }),
      nodes: pair,
      clock,
    });
    const answer = (rank: number, ms: number): void => {
      const token = pair[rank]!.begin();
      clock.advance(ms);
      pair[rank]!.end(token);
    };
    answer(0, 10);
    answer(1, 20);
    expect(pickRanks(balancer, 1)).toEqual([0]);
    answer(0, 500);
    expect(pickRanks(balancer, 1)).toEqual([1]);
    // 500 ms decay below the 20 ms that node 1 keeps showing.
    for (let i = 0; i < 200; i++) answer(1, 20);
    expect(pickRanks(balancer, 1)).toEqual([0]);
  });

  test('learns the latency of a caller’s own nodes from run()', async () => {
    const clock = new FakeClock();
    const balancer = new Balancer({
      policy: policies.peakEwma({ choices: 'all' }),
      nodes: [new OwnNode('node-0'), new OwnNode('node-1')],
      clock,
    });
    for (let i = 0; i < 2; i++) {
      await balancer.run((node) => clock.advance(node.id === 'node-0' ? 80 : 10));
    }
    expect(pickRanks(balancer, 3)).toEqual([1, 1, 1]);
  });
});
