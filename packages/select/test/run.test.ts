import { describe, expect, test } from 'vitest';
import {
  AllAttemptsFailedError,
  AttemptTimeoutError,
  Balancer,
  NoNodeError,
  policies,
  type NodeLike,
  type RunOptions,
} from '../src/index.ts';
import { RetryBudget } from '../src/retry-budget.ts';
import { balancerOf, FakeClock, OwnNode } from './support.ts';

/** Two nodes and what they counted: [load, successes, failures, misuse] of each. */
function pair(): { balancer: Balancer; counts: () => number[][] } {
  const balancer = balancerOf({ policy: policies.roundRobin() }, 2);
  return {
    balancer,
    counts: () =>
      balancer.nodes.map((node) => [node.load(), node.successes, node.failures, node.misuse]),
  };
}

const failure = new Error('refused');

describe('run', () => {
  test('returns what the function returns, and counts one success', async () => {
    const { balancer, counts } = pair();
    const result = await balancer.run((node, { attempt }) => {
      expect(node.load()).toBe(1);
      return `${node.id} ${attempt}`;
    });
    expect(result).toBe('node-0 1');
    expect(counts()).toEqual([
      [0, 1, 0, 0],
      [0, 0, 0, 0],
    ]);
  });

  test.each([
    [
      'throws',
      (): never => {
        throw failure;
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(failure)],
  ])('counts one failure when the function %s', async (_how, fn) => {
    const { balancer, counts } = pair();
    const error: unknown = await balancer.run(fn).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AllAttemptsFailedError);
    expect(error).toMatchObject({ errors: [failure], cause: failure, code: 'ALL_ATTEMPTS_FAILED' });
    expect(counts()[0]).toEqual([0, 0, 1, 0]);
  });

  test('passes the key to the policy', async () => {
    const balancer = balancerOf({ policy: policies.hash() });
    const expected = balancer.next('user:42')!.id;
    expect(await balancer.run((node) => node.id, { key: 'user:42' })).toBe(expected);
  });

  test('retries on nodes not tried yet and lists the errors in order', async () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 3);
    const visited: string[] = [];
    const attempts: number[] = [];
    const error = await balancer
      .run(
        (node, { attempt }) => {
          visited.push(node.id);
          attempts.push(attempt);
          throw new Error(`no ${attempt}`);
        },
        { retries: 9 },
      )
      .catch((e: unknown) => e as AllAttemptsFailedError);
    expect(visited).toEqual(['node-0', 'node-1', 'node-2']);
    expect(attempts).toEqual([1, 2, 3]);
    expect(error.errors.map(String)).toEqual(['Error: no 1', 'Error: no 2', 'Error: no 3']);
  });

  test('succeeds when a retry does', async () => {
    const { balancer, counts } = pair();
    const fn = (node: NodeLike): string => {
      if (node.id === 'node-0') throw failure;
      return node.id;
    };
    expect(await balancer.run(fn, { retries: 1 })).toBe('node-1');
    expect(counts()).toEqual([
      [0, 0, 1, 0],
      [0, 1, 0, 0],
    ]);
  });

  test('rethrows an error that retryOn refuses, as it is', async () => {
    const { balancer } = pair();
    const options: RunOptions = { retries: 1, retryOn: (error) => error !== failure };
    await expect(balancer.run(() => Promise.reject(failure), options)).rejects.toBe(failure);
  });

  test('gives up on an attempt after its time-out, tells it, and tries the next', async () => {
    const { balancer, counts } = pair();
    const reasons: unknown[] = [];
    const result = await balancer.run(
      (node, { signal }) => {
        if (node.id === 'node-1') return 'in time';
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return new Promise<string>(() => undefined);
      },
      { retries: 1, timeoutMs: 5 },
    );
    expect(result).toBe('in time');
    expect(reasons[0]).toBeInstanceOf(AttemptTimeoutError);
    expect(String(reasons[0])).toContain('node "node-0" did not answer within 5 ms');
    expect(counts()).toEqual([
      [0, 0, 1, 0],
      [0, 1, 0, 0],
    ]);
  });

  test('stops on the caller’s abort, which counts neither way', async () => {
    const { balancer, counts } = pair();
    const caller = new AbortController();
    const reason = new Error('changed my mind');
    const running = balancer.run(() => new Promise<never>(() => undefined), {
      signal: caller.signal,
      retries: 3,
    });
    expect(counts()[0]![0]).toBe(1);
    caller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(counts()).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    await expect(balancer.run(() => 1, { signal: caller.signal })).rejects.toBe(reason);
  });

  test('neither retries nor blames the node for an AbortError of the function', async () => {
    const { balancer, counts } = pair();
    const abort = new DOMException('stopped', 'AbortError');
    await expect(balancer.run(() => Promise.reject(abort), { retries: 1 })).rejects.toBe(abort);
    expect(counts()[0]).toEqual([0, 0, 0, 0]);
  });

  test('says so when there is no node', async () => {
    const empty = balancerOf({ policy: policies.roundRobin(), name: 'api' }, 0);
    await expect(empty.run(() => 1)).rejects.toThrow(NoNodeError);
    await expect(empty.run(() => 1)).rejects.toThrow('balancer "api" has no nodes');
    const down = balancerOf({ policy: policies.roundRobin() }, 2);
    for (const node of down.nodes) node.healthy = false;
    await expect(down.run(() => 1)).rejects.toThrow('none of its 2 nodes may receive work');
  });

  test('feeds outlier detection, also for a caller’s own nodes', async () => {
    const own = [new OwnNode('node-0'), new OwnNode('node-1')];
    const balancer = new Balancer<NodeLike>({
      policy: policies.first(),
      nodes: own,
      outlier: { consecutiveFailures: 1 },
      clock: new FakeClock(),
    });
    await expect(balancer.run(() => Promise.reject(failure))).rejects.toThrow('refused');
    expect(balancer.stats().nodes.map((node) => node.ejected)).toEqual([true, false]);
  });

  test('refuses options that nobody can mean', async () => {
    const { balancer } = pair();
    await expect(balancer.run(() => 1, { retries: -1 })).rejects.toThrow(
      'run.retries: must be an integer of at least 0; got -1',
    );
    await expect(balancer.run(() => 1, { timeoutMs: 0 })).rejects.toThrow('run.timeoutMs');
  });
});

describe('the retry budget', () => {
  test('allows ten retries a second plus a fifth of the calls of ten seconds', () => {
    const budget = new RetryBudget();
    const take = (now: number): number => {
      let taken = 0;
      while (budget.tryRetry(now)) taken++;
      return taken;
    };
    expect(take(0)).toBe(100);
    for (let i = 0; i < 50; i++) budget.noteCall(1000);
    expect(take(1000)).toBe(10);
    // What was taken in second 0 comes back when it leaves the window.
    expect(take(9999)).toBe(0);
    expect(take(10_000)).toBe(100);
    expect(take(1e9)).toBe(100);
  });

  test('stops a storm of retries', async () => {
    const clock = new FakeClock();
    const balancer = balancerOf({ policy: policies.roundRobin(), clock }, 4);
    let attempts = 0;
    for (let call = 0; call < 1000; call++) {
      const running = balancer.run(
        () => {
          attempts++;
          throw failure;
        },
        { retries: 3 },
      );
      await running.catch(() => undefined);
    }
    // 1000 calls, 100 retries from the floor and 200 from the calls.
    expect(attempts).toBe(1300);
  });
});

describe('leases', () => {
  test('count a job from acquire to done, once', () => {
    const { balancer, counts } = pair();
    const lease = balancer.acquire()!;
    expect(lease.node.load()).toBe(1);
    lease.done(false);
    lease.done();
    lease.cancel();
    expect(counts()[0]).toEqual([0, 0, 1, 0]);
  });

  test('do not disturb each other when an old one is ended again', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 1);
    const first = balancer.acquire()!;
    first.done();
    const second = balancer.acquire()!;
    first.done();
    expect(second.node.load()).toBe(1);
  });

  test('are null when there is no node', () => {
    const { balancer } = pair();
    const tried = new Set(balancer.nodes);
    expect(balancer.acquireExcept(undefined, tried)).toBeNull();
    for (const node of balancer.nodes) node.healthy = false;
    expect(balancer.acquire()).toBeNull();
  });
});
