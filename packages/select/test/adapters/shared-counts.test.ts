import { Balancer, Node, policies } from '@balancer/select';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bundle } from './bundle.ts';
import type { SharedTask } from './shared-counts-worker.ts';
import { SLOW } from './support.ts';

const FILE = await bundle(new URL('./shared-counts-worker.ts', import.meta.url));

interface Thread {
  /** Begins jobs and returns the ids of their nodes. */
  begin(task: SharedTask): Promise<string[]>;
  /** Ends them, and the thread. */
  end(): Promise<void>;
}

function startThread(): Thread {
  const worker = new Worker(FILE);
  onTestFinished(async () => void (await worker.terminate()));
  return {
    begin: async (task) => {
      worker.postMessage(task, []);
      const [ids] = (await once(worker, 'message')) as [string[]];
      return ids;
    },
    end: async () => {
      const exited = once(worker, 'exit');
      worker.postMessage('end', []);
      await exited;
    },
  };
}

function sharedCounts(count: number): { shared: SharedArrayBuffer; counts: Int32Array } {
  const shared = new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT);
  return { shared, counts: new Int32Array(shared) };
}

describe('nodes with shared counters', SLOW, () => {
  test('let two threads balance on the same loads', async () => {
    const { shared, counts } = sharedCounts(4);
    const task = { shared, nodeCount: 4, churn: 0 };
    const [first, second] = [startThread(), startThread()];
    expect(await first.begin({ ...task, begin: 3 })).toEqual(['node-0', 'node-1', 'node-2']);
    // A thread that knew only its own jobs would begin with node-0.
    expect(await second.begin({ ...task, begin: 1 })).toEqual(['node-3']);
    expect([...counts]).toEqual([1, 1, 1, 1]);
    await first.end();
    expect([...counts]).toEqual([0, 0, 0, 1]);
    await second.end();
    expect([...counts]).toEqual([0, 0, 0, 0]);
  });

  test('lose no count when two threads begin and end jobs at once', async () => {
    const { shared, counts } = sharedCounts(3);
    const task = { shared, nodeCount: 3, churn: 50_000, begin: 30 };
    const threads = [startThread(), startThread()];
    await Promise.all(threads.map((thread) => thread.begin(task)));
    expect(counts.reduce((sum, count) => sum + count)).toBe(60);
    await Promise.all(threads.map((thread) => thread.end()));
    expect([...counts]).toEqual([0, 0, 0]);
  });

  test('are seen by the thread that started the others', async () => {
    const { shared } = sharedCounts(2);
    const nodes = [0, 1].map((slot) => new Node(`node-${slot}`, { shared, slot }));
    const balancer = new Balancer({ policy: policies.leastConnection(), nodes });
    onTestFinished(() => balancer.destroy());
    const thread = startThread();
    await thread.begin({ shared, nodeCount: 1, churn: 0, begin: 5 });
    expect(nodes.map((node) => node.load())).toEqual([5, 0]);
    for (let i = 0; i < 5; i++) expect(balancer.acquire()!.node.id).toBe('node-1');
    await thread.end();
    expect(balancer.acquire()!.node.id).toBe('node-0');
  });
});
