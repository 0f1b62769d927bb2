import { once } from 'node:events';
import { connect } from 'node:net';
import { silentLogger } from '@balancer/kit';
import { LoadBalancer, parseLoadBalancerConfig } from '@balancer/lb';
import { afterEach, describe, expect, test } from 'vitest';
import { GrowingPlane } from '../../src/workers/growing-plane.ts';
import type { Order } from '../../src/workers/protocol.ts';
import { until } from '../support.ts';
import { ScriptedWorker } from './scripted-worker.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

function configWith(workers: number, more = ''): string {
  return `[global]
workers = ${workers}
[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "out"
max_connections = 3
on_no_backend = "unlisten"
${more}
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:9"
max_connections = 5
`;
}

async function start(): Promise<{
  readonly loadBalancer: LoadBalancer;
  readonly workers: readonly ScriptedWorker[];
  readonly apply: (toml: string) => Promise<void>;
}> {
  const workers: ScriptedWorker[] = [];
  const plane = new GrowingPlane({
    logger: silentLogger,
    spawn: () => {
      const worker = new ScriptedWorker();
      workers.push(worker);
      return worker;
    },
    onHopeless: () => {},
  });
  const parse = (toml: string): ReturnType<typeof parseLoadBalancerConfig>['config'] =>
    parseLoadBalancerConfig(toml, 'growing.toml').config;
  const loadBalancer = new LoadBalancer({
    config: parse(configWith(1)),
    planes: [plane],
    logger: silentLogger,
  });
  await loadBalancer.start();
  cleanups.push(() => loadBalancer.stop());
  return { loadBalancer, workers, apply: (toml) => loadBalancer.apply(parse(toml)) };
}

function lastOf<K extends Order['kind']>(
  worker: ScriptedWorker,
  kind: K,
): Extract<Order, { kind: K }> {
  return worker.orders.findLast((order) => order.kind === kind) as Extract<Order, { kind: K }>;
}

describe('a plane that grows', () => {
  test('sends a new worker its sockets and its share, and enforces its own', async () => {
    const { loadBalancer, workers, apply } = await start();
    const frontend = loadBalancer.frontends.get('in')!;
    const server = loadBalancer.backends.get('out')!.servers[0]!;
    await apply(configWith(2));
    await until('the worker serves', () => workers[0]?.kinds() === 'socket prepare commit');
    const { config, binds } = lastOf(workers[0]!, 'prepare');
    expect(binds).toBe(false);
    expect(config.frontends['in']).toMatchObject({
      listen_addr: [{ port: Number(frontend.listening[0]!.split(':')[1]) }],
      max_connections: 1,
    });
    expect(config.backends['out']!.servers['one']!.max_connections).toBe(2);
    expect(server.node.maxConcurrency).toBe(3);
    await apply(configWith(1));
    await until('the worker is gone', () => workers[0]!.kinds().endsWith('drain end'));
    expect(server.node.maxConcurrency).toBe(5);
  });

  test('sends a socket once, and those of a new frontend with the change', async () => {
    const { workers, apply } = await start();
    await apply(configWith(2));
    await until('the worker serves', () => workers[0]?.kinds() === 'socket prepare commit');
    await apply(configWith(2, '[frontends.more]\nlisten_addr = "127.0.0.1:0"\nbackend = "out"\n'));
    expect(workers[0]!.kinds()).toBe('socket prepare commit socket prepare commit');
  });

  test('refuses a change for a worker that refuses it, and gives the addresses back', async () => {
    const { loadBalancer, workers, apply } = await start();
    await apply(configWith(2));
    await until('the worker serves', () => workers[0]?.kinds() === 'socket prepare commit');
    workers[0]!.refusal = 'not here';
    const more = '[frontends.more]\nlisten_addr = "127.0.0.1:0"\nbackend = "out"\n';
    await expect(apply(configWith(2, more))).rejects.toThrow('not here');
    expect([...loadBalancer.frontends.keys()]).toEqual(['in']);
    const sent = lastOf(workers[0]!, 'socket').address;
    const client = connect((sent as { port: number }).port, '127.0.0.1');
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('sends the sockets that are opened again when a server is back', async () => {
    const { loadBalancer, workers, apply } = await start();
    await apply(configWith(2));
    await until('the worker serves', () => workers[0]?.kinds() === 'socket prepare commit');
    const server = loadBalancer.backends.get('out')!.servers[0]!;
    server.setAdminState('maint');
    expect(loadBalancer.frontends.get('in')!.listening).toEqual([]);
    server.setAdminState('ready');
    await until('it is sent the new one', () =>
      workers[0]!.kinds().endsWith('server server socket prepare commit'),
    );
  });

  test('a server is out for as long as any process keeps it out', async () => {
    const { loadBalancer, workers, apply } = await start();
    await apply(configWith(2));
    await until('the worker serves', () => workers[0]?.kinds() === 'socket prepare commit');
    const server = loadBalancer.backends.get('out')!.servers[0]!;
    server.eject(new Date(Date.now() + 60_000));
    await loadBalancer.collect();
    expect(server.state).toBe('ejected');
    server.eject(undefined);
    expect(server.state).toBe('up');
  });
});
