/** The load balancer as a part of somebody's program. */
import { afterEach, describe, expect, test } from 'vitest';
import { silentLogger } from '@balancer/kit';
import { LoadBalancer, parseLoadBalancerConfig } from '@balancer/lb';
import { ProxyPlane } from '../src/plane.ts';
import { startNamed } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- in reverse order of creation
    await cleanup();
  }
});

describe('a program that runs a load balancer', () => {
  test('hears of its life, of its servers and of reloads', async () => {
    const server = await startNamed('one');
    cleanups.push(server.close);
    const configOf = (weight: number): ReturnType<typeof parseLoadBalancerConfig>['config'] =>
      parseLoadBalancerConfig(
        `[frontends.web]\nlisten_addr = "127.0.0.1:0"\nbackend = "app"\n[backends.app.servers.one]\naddr = "${server.address}"\nweight = ${weight}\n`,
        'text',
      ).config;
    const loadBalancer = new LoadBalancer({
      config: configOf(1),
      planes: [new ProxyPlane({ logger: silentLogger })],
      logger: silentLogger,
    });
    const heard: string[] = [];
    loadBalancer.on('phase', (phase) => heard.push(phase));
    loadBalancer.on('applied', ({ backends }) =>
      heard.push(`weight ${backends['app']!.servers['one']!.weight}`),
    );
    loadBalancer.on('server', ({ name }, { from, to }) => heard.push(`${name} ${from} ${to}`));
    await loadBalancer.start();
    await loadBalancer.apply(configOf(5));
    loadBalancer.backends.get('app')!.serverNamed('one')!.setAdminState('drain');
    await loadBalancer.stop();
    await loadBalancer.stop();
    expect(heard).toEqual([
      'one checking up',
      'running',
      'weight 5',
      'one up drain',
      'draining',
      'stopped',
    ]);
  });

  test('keeps what runs when an address of the new configuration cannot be had', async () => {
    const server = await startNamed('one');
    cleanups.push(server.close);
    const text = (listen: string): string =>
      `[frontends.web]\nlisten_addr = "${listen}"\nbackend = "app"\n[backends.app.servers.one]\naddr = "${server.address}"\n`;
    const { config } = parseLoadBalancerConfig(text('127.0.0.1:0'), 'text');
    const planes = [new ProxyPlane({ logger: silentLogger })];
    const loadBalancer = new LoadBalancer({ config, planes, logger: silentLogger });
    cleanups.push(() => loadBalancer.stop());
    await loadBalancer.start();
    const applied: unknown[] = [];
    loadBalancer.on('applied', (next) => applied.push(next));
    const taken = parseLoadBalancerConfig(text(server.address), 'text').config;
    await expect(loadBalancer.apply(taken)).rejects.toThrow(/address already in use/);
    expect(loadBalancer.config).toBe(config);
    expect(applied).toEqual([]);
  });
});
