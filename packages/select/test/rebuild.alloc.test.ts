import { expect, test } from 'vitest';
import { Node, policies } from '../src/index.ts';
import { balancerOf } from './support.ts';

/** A table of ten nodes is 4 KiB, and 1000 of them would be 4 MiB. */
const KEPT_MAX_BYTES = 256 * 1024;

test('a balancer whose nodes change keeps nothing of what it was before', () => {
  const balancer = balancerOf({ policy: policies.roundRobin() }, 10);
  const come = (): void => {
    for (let i = 0; i < 1000; i++) {
      balancer.add(new Node('one more'));
      balancer.remove('one more');
    }
    globalThis.gc!();
  };
  come();
  const before = process.memoryUsage().heapUsed;
  come();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(KEPT_MAX_BYTES);
  expect(balancer.stats().nodes).toHaveLength(10);
});
