import { silentLogger } from '@balancer/kit';
import { LoadBalancer, parseLoadBalancerConfig } from '@balancer/lb';
import { afterEach, describe, expect, test } from 'vitest';
import type { Order } from '../../src/workers/protocol.ts';
import { type WorkersError, WorkersPlane } from '../../src/workers/workers-plane.ts';
import { until } from '../support.ts';
import { ScriptedWorker } from './scripted-worker.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

function configWith(workers: number, weight = 1): string {
  return `[global]
workers = ${workers}
[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:9"
weight = ${weight}
`;
}

interface Setting {
  readonly loadBalancer: LoadBalancer;
  readonly workers: readonly ScriptedWorker[];
  readonly hopeless: readonly WorkersError[];
  /** Times before workers were replaced, in milliseconds; they pass at once. */
  readonly waits: readonly number[];
  readonly apply: (toml: string) => Promise<void>;
}

async function start(
  count: number,
  onSpawn: (worker: ScriptedWorker) => void = () => {},
): Promise<Setting> {
  const workers: ScriptedWorker[] = [];
  const hopeless: WorkersError[] = [];
  const waits: number[] = [];
  const plane = new WorkersPlane({
    logger: silentLogger,
    spawn: () => {
      const worker = new ScriptedWorker();
      workers.push(worker);
      onSpawn(worker);
      return worker;
    },
    inherited: () => [],
    onHopeless: (error) => hopeless.push(error),
    wait: (action, delayMs) => {
      waits.push(delayMs);
      setImmediate(action);
    },
  });
  const parse = (toml: string): ReturnType<typeof parseLoadBalancerConfig>['config'] =>
    parseLoadBalancerConfig(toml, 'workers.toml').config;
  const loadBalancer = new LoadBalancer({
    config: parse(configWith(count)),
    planes: [plane],
    logger: silentLogger,
  });
  await loadBalancer.start();
  cleanups.push(() => loadBalancer.stop());
  return {
    loadBalancer,
    workers,
    hopeless,
    waits,
    apply: (toml) => loadBalancer.apply(parse(toml)),
  };
}

describe('WorkersPlane', () => {
  test('lets workers serve when all are prepared, and tells where', async () => {
    const { loadBalancer, workers } = await start(2);
    expect(workers.map((worker) => worker.kinds())).toEqual(['prepare commit', 'prepare commit']);
    expect(loadBalancer.frontends.get('in')!.listening).toEqual(['a:1']);
  });

  test('takes a reload back from all when one refuses it', async () => {
    const { workers, apply, loadBalancer } = await start(2);
    workers[1]!.refusal = 'cannot listen on 127.0.0.1:1';
    await expect(apply(configWith(2, 5))).rejects.toThrow('cannot listen on 127.0.0.1:1');
    expect(workers[0]!.kinds()).toBe('prepare commit prepare abort');
    expect(loadBalancer.backends.get('out')!.servers[0]!.weight).toBe(1);
  });

  test('tells all workers what the operator orders', async () => {
    const { workers, loadBalancer } = await start(2);
    loadBalancer.backends.get('out')!.servers[0]!.setAdminWeight(7);
    for (const { orders } of workers) {
      expect(orders.at(-1)).toMatchObject({ kind: 'server', orders: { adminWeight: 7 } });
    }
  });

  test('brings a new worker to where the others are', async () => {
    const { workers, loadBalancer } = await start(2);
    loadBalancer.backends.get('out')!.servers[0]!.setAdminWeight(7);
    workers[0]!.exit('SIGSEGV');
    await until('another one serves', () => workers[2]?.kinds() === 'prepare commit');
    const [, commit] = workers[2]!.orders as Extract<Order, { kind: 'commit' }>[];
    expect(commit!.servers.get('out')![0]!.orders.adminWeight).toBe(7);
  });

  test('lets no new worker serve once it drains', async () => {
    let onPrepare = (): void => {};
    const { workers, loadBalancer } = await start(2, (worker) => {
      const send = worker.send.bind(worker);
      worker.send = (order) => {
        send(order);
        if (order.kind === 'prepare') onPrepare();
      };
    });
    let drained: Promise<unknown> | undefined;
    onPrepare = () => void (drained = loadBalancer.drain(new AbortController().signal));
    workers[0]!.exit('SIGSEGV');
    await until('another one is asked to', () => drained !== undefined);
    await drained;
    expect(workers[2]!.kinds()).toBe('prepare drain abort end');
  });

  test('starts and retires workers as their number changes', async () => {
    const { workers, apply } = await start(2);
    await apply(configWith(3));
    expect(workers).toHaveLength(3);
    expect(workers[2]!.kinds()).toBe('prepare commit');
    await apply(configWith(2));
    await until('the third is gone', () => workers[2]!.kinds() === 'prepare commit drain end');
    expect(workers[0]!.kinds()).toBe('prepare commit prepare commit prepare commit');
  });

  test('gives up on workers that end as soon as they are started', async () => {
    let isBroken = false;
    const { workers, hopeless, waits } = await start(2, (worker) => {
      if (isBroken) setImmediate(() => worker.exit('exit code 1'));
    });
    isBroken = true;
    workers[0]!.exit('exit code 1');
    await until('it gives up', () => hopeless.length > 0);
    expect(hopeless[0]!.message).toBe(
      'workers end as soon as they are started; the last with exit code 1',
    );
    // Two at first, and one after each of the first four ends.
    expect(workers).toHaveLength(6);
    expect(waits).toEqual([100, 200, 400, 800]);
  });
});
