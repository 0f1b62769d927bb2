import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import { handOver, HandOverError } from '../src/hand-over.ts';
import type { Service } from '../src/service.ts';
import { startService } from './service-fixture.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

function configOf(adminPort: number, weight: number): string {
  return `[global]
log = { level = "fatal" }
[frontends.web]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:9"
weight = ${weight}
[stats]
listen_addr = "127.0.0.1:${adminPort}"
`;
}

async function start(): Promise<{
  readonly service: Service;
  readonly setWeight: (weight: number) => Promise<void>;
  readonly adminStatus: () => Promise<number>;
}> {
  const port = await freePort();
  const { service, file, stop } = await startService(configOf(port, 1));
  cleanups.push(stop);
  return {
    service,
    setWeight: (weight) => writeFile(file, configOf(port, weight)),
    adminStatus: async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status,
  };
}

/** Drains as the daemon does when it is told to stop. */
function drain({ parts }: Service): Promise<unknown> {
  const { signal } = new AbortController();
  return Promise.all(parts.map(async (part) => part.drain?.(signal)));
}

describe('a hand-over', () => {
  test('that fails leaves everything as it was', async () => {
    const { service, adminStatus } = await start();
    const attempt = service.handOver(() => Promise.reject(new HandOverError('it came to nothing')));
    await expect(attempt).rejects.toThrow('it came to nothing');
    expect(await adminStatus()).toBe(200);
    await expect(service.handOver(() => Promise.resolve())).resolves.toBeUndefined();
  });

  test('has reloads wait for its end', async () => {
    const { service, setWeight } = await start();
    const order: string[] = [];
    service.loadBalancer.once('applied', () => order.push('applied'));
    let reloaded: Promise<unknown> | undefined;
    const attempt = service.handOver(async () => {
      await setWeight(2);
      reloaded = service.reload('signal');
      // Longer than a reload takes that does not wait.
      await delay(200);
      order.push('given up');
      throw new HandOverError('it came to nothing');
    });
    await expect(attempt).rejects.toThrow('it came to nothing');
    expect(await reloaded).toMatchObject({ outcome: 'applied' });
    expect(order).toEqual(['given up', 'applied']);
  });

  test('waits for the reload that runs', async () => {
    const { service, setWeight } = await start();
    await setWeight(2);
    const reloaded = service.reload('signal');
    let weight = 0;
    await service.handOver(async () => {
      weight = service.loadBalancer.backends.get('out')!.servers[0]!.weight;
    });
    expect(weight).toBe(2);
    expect(await reloaded).toMatchObject({ outcome: 'applied' });
  });

  test('is refused while another one is under way', async () => {
    const { service } = await start();
    let end!: () => void;
    const first = service.handOver(() => new Promise<void>((resolve) => (end = resolve)));
    const second = service.handOver(() => Promise.resolve());
    await expect(second).rejects.toThrow('a new process is being started already');
    await expect.poll(() => end, { timeout: 60_000 }).toBeDefined();
    end();
    await first;
  });

  test('starts nothing when this process was told to stop before', async () => {
    const { service } = await start();
    const attempt = service.handOver(handOver);
    const drained = drain(service);
    await expect(attempt).rejects.toThrow('this process was told to stop');
    await drained;
  });
});
