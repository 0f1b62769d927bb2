import { silentLogger } from '@balancer/kit';
import { LoadBalancer, parseLoadBalancerConfig } from '@balancer/lb';
import { afterEach, describe, expect, test } from 'vitest';
import type { Answer, Order } from '../../src/workers/protocol.ts';
import type { WorkerProcess } from '../../src/workers/worker-link.ts';
import { type WorkersError, WorkersPlane } from '../../src/workers/workers-plane.ts';
import { until } from '../support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** A worker without a process, which notes its orders and answers as it is told to. */
class ScriptedWorker implements WorkerProcess {
  static nextPid = 1;
  readonly pid = ScriptedWorker.nextPid++;
  readonly orders: Order[] = [];
  refusal: string | undefined;
  private tell: (answer: Answer) => void = () => {};
  private readonly onEnds: ((how: string) => void)[] = [];

  send(order: Order): void {
    this.orders.push(order);
    if (order.kind === 'end') this.exit('exit code 0');
    if (order.kind === 'drain') this.answer({ ...order, kind: 'drained', cut: 0, report: REPORT });
    if (order.kind === 'report') this.answer({ ...order, kind: 'reported', report: REPORT });
    if (order.kind !== 'prepare') return;
    const { id, config } = order;
    const listening = new Map(Object.keys(config.frontends).map((name) => [name, ['a:1']]));
    if (this.refusal === undefined) this.answer({ kind: 'prepared', id, listening });
    else this.answer({ kind: 'refused', id, reason: this.refusal });
  }

  onAnswer(listener: (answer: Answer) => void): void {
    this.tell = listener;
    this.answer({ kind: 'started' });
  }

  onExit(listener: (how: string) => void): void {
    this.onEnds.push(listener);
  }

  kill(): void {
    this.exit('SIGKILL');
  }

  exit(how: string): void {
    for (const onEnd of this.onEnds.splice(0)) onEnd(how);
  }

  kinds(): string {
    return this.orders.map(({ kind }) => kind).join(' ');
  }

  private answer(answer: Answer): void {
    setImmediate(() => this.tell(answer));
  }
}

const REPORT = {
  epoch: 0,
  frontends: new Map(),
  backends: new Map(),
  process: { pid: 1, open: 0, fds: 1, rssBytes: 1 },
};

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
  readonly apply: (toml: string) => Promise<void>;
}

async function start(
  count: number,
  onSpawn: (worker: ScriptedWorker) => void = () => {},
): Promise<Setting> {
  const workers: ScriptedWorker[] = [];
  const hopeless: WorkersError[] = [];
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
  return { loadBalancer, workers, hopeless, apply: (toml) => loadBalancer.apply(parse(toml)) };
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
    const { workers, hopeless } = await start(2, (worker) => {
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
  });
});
