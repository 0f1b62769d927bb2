import { describe, expect, test } from 'vitest';
import { parseLoadBalancerConfig } from '../src/config/load.ts';
import type { LoadBalancerConfig } from '../src/config/types.ts';
import { StoppingError } from '../src/load-balancer.ts';
import { startLoadBalancer } from './support.ts';

function configText(weight: number): string {
  return `[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.s]
addr = "127.0.0.1:9"
weight = ${weight}
`;
}

function configOf(weight: number): LoadBalancerConfig {
  return parseLoadBalancerConfig(configText(weight), 'test.toml').config;
}

describe('a reload', () => {
  test('ends the ejections of a balancer that it replaces', async () => {
    const { loadBalancer } = await startLoadBalancer(configText(1));
    const server = loadBalancer.backends.get('out')!.servers[0]!;
    server.eject(new Date(Date.now() + 60_000));
    expect([server.state, loadBalancer.ready]).toEqual(['ejected', false]);
    const slower = configText(1).replace('[backends.out]', '[backends.out]\nslow_start = "10s"');
    await loadBalancer.apply(parseLoadBalancerConfig(slower, 'test.toml').config);
    expect([server.state, loadBalancer.ready]).toEqual(['up', true]);
    await loadBalancer.stop();
  });
});

describe('a load balancer that was told to stop', () => {
  test('takes no other configuration', async () => {
    const { loadBalancer, plane } = await startLoadBalancer(configText(1));
    await loadBalancer.drain(new AbortController().signal);
    const applied = loadBalancer.apply(configOf(2));
    await expect(applied).rejects.toThrow(StoppingError);
    await expect(applied).rejects.toThrow('is stopping, and takes no other configuration');
    expect([plane.commits, plane.aborts]).toEqual([1, 0]);
    await loadBalancer.stop();
  });

  test('gives back what was taken for another configuration before', async () => {
    const { loadBalancer, plane } = await startLoadBalancer(configText(1));
    const prepared = await loadBalancer.prepare(configOf(2));
    await loadBalancer.drain(new AbortController().signal);
    prepared.commit();
    expect([plane.commits, plane.aborts]).toEqual([1, 1]);
    expect(loadBalancer.backends.get('out')!.servers[0]!.weight).toBe(1);
    await loadBalancer.stop();
  });
});
