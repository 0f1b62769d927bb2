import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Node, policies } from '../src/index.ts';
import { balancerOf } from './support.ts';

test('a lease that is dropped without done() is reported once and stops counting', async () => {
  const balancer = balancerOf({ policy: policies.first() }, 2);
  const leaked: string[] = [];
  balancer.on('leak', (node) => leaked.push(node.id));
  const dropped = balancer.get('node-0')!;
  // In a function of its own, so that nothing on this stack keeps the leases alive.
  const acquireThree = (): void => {
    balancer.acquire();
    balancer.acquire()!.done();
    balancer.acquire()!.cancel();
  };
  acquireThree();
  expect(dropped.load()).toBe(1);
  while (leaked.length === 0) {
    globalThis.gc!();
    await turn();
  }
  for (let i = 0; i < 5; i++) {
    globalThis.gc!();
    await turn();
  }
  expect(leaked).toEqual(['node-0']);
  expect([dropped.load(), dropped.successes, dropped.failures, dropped.misuse]).toEqual([
    0, 1, 0, 0,
  ]);
  expect(dropped).toBeInstanceOf(Node);
});
