import { describe, expect, test } from 'vitest';
import { AffinityTable } from '../../src/affinity-table.ts';
import { Balancer, ConfigError, Node, policies, Xorshift32 } from '../../src/index.ts';
import { FakeClock, nodes, rankOf } from '../support.ts';

function stickyOver(
  count: number,
  options: { ttlMs?: number; maxEntries?: number } = {},
): { balancer: Balancer; clock: FakeClock } {
  const clock = new FakeClock();
  const policy = policies.sticky({ inner: policies.roundRobin(), ...options });
  return { balancer: new Balancer({ policy, nodes: nodes(count), clock }), clock };
}

describe('sticky', () => {
  test('keeps each client on its node', () => {
    const { balancer } = stickyOver(3);
    const first = ['a', 'b', 'c'].map((key) => rankOf(balancer.next(key)));
    expect(first).toEqual([0, 1, 2]);
    expect(['c', 'a', 'b'].map((key) => rankOf(balancer.next(key)))).toEqual([2, 0, 1]);
  });

  test('keeps clients on a node that drains or has weight 0, but sends it no new ones', () => {
    const { balancer } = stickyOver(2);
    balancer.next('a');
    balancer.get('node-0')!.weight = 0;
    expect(rankOf(balancer.next('a'))).toBe(0);
    balancer.get('node-0')!.drain();
    expect(rankOf(balancer.next('a'))).toBe(0);
    expect(['x', 'y', 'z'].map((key) => rankOf(balancer.next(key)))).toEqual([1, 1, 1]);
  });

  test('moves a client for good when its node is down or gone', () => {
    const { balancer } = stickyOver(3);
    balancer.next('a');
    balancer.get('node-0')!.healthy = false;
    const moved = rankOf(balancer.next('a'));
    expect(moved).not.toBe(0);
    balancer.get('node-0')!.healthy = true;
    expect(rankOf(balancer.next('a'))).toBe(moved);
    balancer.remove(`node-${moved}`);
    expect(rankOf(balancer.next('a'))).not.toBe(moved);
  });

  test('lets a client come back to a node that was merely full', () => {
    const { balancer } = stickyOver(2);
    balancer.next('a');
    balancer.update('node-0', { maxConcurrency: 1 });
    const token = balancer.get('node-0')!.begin();
    expect(rankOf(balancer.next('a'))).toBe(1);
    balancer.get('node-0')!.end(token);
    expect(rankOf(balancer.next('a'))).toBe(0);
  });

  test('forgets a client that was away for longer than the ttl', () => {
    const { balancer, clock } = stickyOver(3, { ttlMs: 1000 });
    expect(rankOf(balancer.next('a'))).toBe(0);
    clock.advance(999);
    expect(rankOf(balancer.next('a'))).toBe(0);
    clock.advance(999);
    expect(rankOf(balancer.next('a'))).toBe(0);
    clock.advance(1000);
    expect(rankOf(balancer.next('a'))).toBe(1);
  });

  test('forgets the least recently seen client when the table is full', () => {
    const { balancer } = stickyOver(5, { maxEntries: 2 });
    balancer.next('a');
    balancer.next('b');
    balancer.next('a');
    balancer.next('c');
    expect(rankOf(balancer.next('a'))).toBe(0);
    expect(rankOf(balancer.next('b'))).toBe(3);
  });

  test('holds clients where they are when traffic shifts between priorities', () => {
    const near = new Node('node-0');
    const far = new Node('node-1', { priority: 1 });
    const policy = policies.sticky({ inner: policies.roundRobin() });
    const balancer = new Balancer({ policy, nodes: [near, far], seed: 1 });
    near.healthy = false;
    expect(rankOf(balancer.next('a'))).toBe(1);
    near.healthy = true;
    expect(rankOf(balancer.next('a'))).toBe(1);
    expect(rankOf(balancer.next('b'))).toBe(0);
  });

  test('refuses to nest, and an inner policy that is none', () => {
    const inner = policies.sticky({ inner: policies.first() });
    expect(() => policies.sticky({ inner })).toThrow('sticky.inner: must not be sticky itself');
    expect(() => policies.sticky({ inner: {} as never })).toThrow(ConfigError);
  });
});

describe('the affinity table', () => {
  test('behaves like a naive least-recently-used map', () => {
    let now = 0;
    const table = new AffinityTable<{ n: number }>(
      { ttlMs: 50, entriesMax: 100 },
      { coarseTime: () => Float64Array.of(now) },
    );
    const naive = new Map<number, { owner: { n: number }; at: number }>();
    const random = new Xorshift32(12_345);
    for (; now < 20_000; now++) {
      const key = random.below(180);
      const entry = naive.get(key);
      const live = entry !== undefined && now - entry.at < 50 ? entry : undefined;
      // A plain comparison: tens of thousands of assertions would cost more than what they check.
      const owner = table.use(key);
      if (owner !== live?.owner) expect(owner).toBe(live?.owner);
      if (live === undefined) {
        const fresh = { n: now };
        table.assign(key, fresh);
        naive.delete(key);
        naive.set(key, { owner: fresh, at: now });
        if (naive.size > 100) naive.delete(naive.keys().next().value!);
      } else {
        naive.delete(key);
        naive.set(key, { owner: live.owner, at: now });
      }
    }
    expect(table.size).toBe(naive.size);
    expect(table.size).toBe(100);
  });
});
