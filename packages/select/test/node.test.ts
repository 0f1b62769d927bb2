import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Balancer, ConfigError, Node, policies } from '../src/index.ts';
import { JobTokens } from '../src/job-tokens.ts';
import { FakeClock } from './support.ts';

/** A node in a pool with a clock that the test moves. */
function timed(options: ConstructorParameters<typeof Node>[1] = {}): {
  node: Node;
  clock: FakeClock;
  work: (ms: number, ok?: boolean) => void;
} {
  const clock = new FakeClock();
  const node = new Node('a', options);
  void new Balancer({ policy: policies.first(), nodes: [node], clock });
  return {
    node,
    clock,
    work(ms, ok = true) {
      const token = node.begin();
      clock.advance(ms);
      node.end(token, ok);
    },
  };
}

describe('a node', () => {
  test('counts jobs in flight, started, failed and succeeded', () => {
    const node = new Node('a');
    const tokens = [node.begin(), node.begin(), node.begin()];
    expect([node.load(), node.totalRequests()]).toEqual([3, 3]);
    node.end(tokens[0]!);
    node.end(tokens[1]!, false);
    node.cancel(tokens[2]!);
    expect([node.load(), node.totalRequests()]).toEqual([0, 3]);
    expect([node.successes, node.failures, node.misuse]).toEqual([1, 1, 0]);
  });

  test('ignores a second end, a foreign token and nonsense, and counts them', () => {
    const node = new Node('a');
    const token = node.begin();
    node.end(token);
    for (const wrong of [token, 0, -1, 12_345, NaN, 2 ** 40, 0.5]) node.end(wrong);
    expect([node.load(), node.misuse, node.successes]).toEqual([0, 7, 1]);
  });

  test('averages completed jobs cumulatively when told', () => {
    const { node, work } = timed({ average: 'cumulative' });
    expect(node.averageResponseTime()).toBe(0);
    node.begin();
    expect(node.averageResponseTime()).toBe(0);
    work(10);
    work(20);
    work(60, false);
    expect(node.averageResponseTime()).toBe(30);
  });

  test('by default averages with peaks, and forgets while it is unused', () => {
    const { node, clock, work } = timed();
    work(100);
    expect(node.averageResponseTime()).toBe(100);
    clock.advance(10_000 * Math.LN2);
    expect(node.averageResponseTime()).toBeCloseTo(50, 9);
    work(400);
    expect(node.averageResponseTime()).toBe(400);
  });

  test('never reports a negative latency when the clock steps back', () => {
    const { node, work } = timed({ average: 'cumulative' });
    work(-500);
    expect(node.averageResponseTime()).toBe(0);
  });

  test('keeps counting exactly near 2^53', () => {
    const { node, work } = timed();
    for (let i = 0; i < 1000; i++) work(2 ** 40, false);
    expect(node.failures).toBe(1000);
    expect(node.totalRequests()).toBe(1000);
  });

  test('shares its load with other nodes on the same memory', () => {
    const shared = new SharedArrayBuffer(8);
    const here = new Node('a', { shared, slot: 1 });
    const elsewhere = new Node('a', { shared, slot: 1 });
    const other = new Node('b', { shared, slot: 0 });
    const token = elsewhere.begin();
    expect([here.load(), other.load()]).toEqual([1, 0]);
    const balancer = new Balancer({ policy: policies.leastConnection(), nodes: [here, other] });
    expect(balancer.next()!.id).toBe('b');
    elsewhere.end(token);
    expect(here.load()).toBe(0);
  });

  test.each([
    [() => new Node(''), 'node.id: must be a non-empty string; got ""'],
    [
      () => new Node('a', { weight: -1 }),
      'node "a" weight: must be a number of at least 0; got -1',
    ],
    [
      () => new Node('a', { weight: NaN }),
      'node "a" weight: must be a number of at least 0; got NaN',
    ],
    [
      () => new Node('a', { maxConcurrency: 0 }),
      'node "a" maxConcurrency: must be an integer of at least 1; got 0',
    ],
    [
      () => new Node('a', { priority: 1.5 }),
      'node "a" priority: must be an integer of at least 0; got 1.5',
    ],
    [
      () => new Node('a', { average: 'median' as never }),
      'node.average: must be one of "ewma", "cumulative"; got "median"',
    ],
    [
      () => new Node('a', { shared: new SharedArrayBuffer(4), slot: 1 }),
      'node.slot: must be an integer from 0 to 0; got 1',
    ],
  ])('refuses settings that nobody can mean (%#)', (make, message) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});

describe('job tokens', () => {
  test('tell live jobs from spent ones for any order of starts and ends', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 99 }), { maxLength: 400 }), (steps) => {
        const tokens = new JobTokens();
        const live: number[] = [];
        const spent: number[] = [];
        for (const step of steps) {
          if (step < 55 || live.length === 0) {
            const token = tokens.start();
            expect(live).not.toContain(token);
            tokens.startedAt[tokens.slotOf(token)] = token;
            live.push(token);
          } else {
            const [token] = live.splice(step % live.length, 1);
            expect(tokens.startedAt[tokens.slotOf(token!)]).toBe(token);
            tokens.release(tokens.slotOf(token!));
            spent.push(token!);
          }
        }
        for (const token of live) expect(tokens.slotOf(token)).toBeGreaterThanOrEqual(0);
        for (const token of spent) expect(tokens.slotOf(token)).toBe(-1);
      }),
    );
  });
});
