import { describe, expect, test } from 'vitest';
import { policies, type NodeLike } from '../../src/index.ts';
import { balancerOf, FakeClock, pickRanks, rankOf } from '../support.ts';

interface Answer {
  inFlight: number;
  latencyMs: number;
}

/** A pool of nodes whose answers to probes the test decides. */
function probed(answer: (rank: number) => Answer | Error, count = 10, poolSize = 4) {
  const asked: number[] = [];
  const clock = new FakeClock();
  const probe = (node: NodeLike): Promise<Answer> => {
    asked.push(rankOf(node));
    const result = answer(rankOf(node));
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  const balancer = balancerOf({ policy: policies.prequal({ probe, poolSize }), clock }, count);
  return { balancer, asked, clock };
}

describe('prequal', () => {
  test('sends three probes per job to distinct nodes', async () => {
    const { balancer, asked } = probed(() => ({ inFlight: 0, latencyMs: 1 }));
    for (let job = 0; job < 5; job++) await balancer.run(() => undefined);
    expect(asked).toHaveLength(15);
    for (let job = 0; job < 5; job++) {
      expect(new Set(asked.slice(job * 3, job * 3 + 3)).size).toBe(3);
    }
  });

  test('takes the fastest cold node it has heard of', async () => {
    const { balancer, asked } = probed((rank) => ({ inFlight: 1, latencyMs: 100 - rank }));
    await balancer.run(() => undefined);
    expect(pickRanks(balancer, 1)).toEqual([Math.max(...asked)]);
  });

  test('leaves a hot node alone, however fast it claims to be', async () => {
    const { balancer, asked } = probed((rank) =>
      rank === 9 ? { inFlight: 90, latencyMs: 1 } : { inFlight: 1, latencyMs: 50 },
    );
    const picks: number[] = [];
    for (let job = 0; job < 100; job++) {
      await balancer.run((node) => void picks.push(rankOf(node)));
    }
    expect(asked).toContain(9);
    // Only the random choices before the first answers may fall on it.
    expect(picks.slice(10)).not.toContain(9);
  });

  test('chooses at random while it knows too little, and forgets old answers', async () => {
    const { balancer, clock } = probed((rank) => ({ inFlight: 0, latencyMs: rank }));
    expect(new Set(pickRanks(balancer, 200)).size).toBe(10);
    await balancer.run(() => undefined);
    clock.advance(1001);
    expect(new Set(pickRanks(balancer, 200)).size).toBe(10);
  });

  test('drops answers that fail or make no sense', async () => {
    const { balancer } = probed((rank) =>
      rank < 5 ? new Error('no answer') : { inFlight: -1, latencyMs: NaN },
    );
    for (let job = 0; job < 10; job++) await balancer.run(() => undefined);
    expect(new Set(pickRanks(balancer, 200)).size).toBe(10);
  });

  test('never picks a node that is down, whatever it answered', async () => {
    const { balancer } = probed((rank) => ({ inFlight: 0, latencyMs: rank === 4 ? 1 : 50 }));
    for (let job = 0; job < 20; job++) await balancer.run(() => undefined);
    balancer.get('node-4')!.healthy = false;
    expect(pickRanks(balancer, 50)).not.toContain(4);
  });
});
