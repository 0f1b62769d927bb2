import { expect, test } from 'vitest';
import { Node, policies } from '../src/index.ts';
import { balancerOf } from './support.ts';

/** The 2000 tables of ten nodes that are made take 8 MiB; what else comes and goes, a quarter of one. */
const KEPT_MAX_BYTES = 2 * 1024 * 1024;

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
