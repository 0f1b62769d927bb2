import { Balancer, Node, policies } from '@balancer/select';
import { createFetch } from '@balancer/select/fetch';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from './http-servers.ts';
import { countsOfAll, SLOW } from './support.ts';

test('reports a response that its caller forgot, and ends its job', SLOW, async () => {
  const { origin } = await startServer((_request, response) => void response.write('endless'));
  const balancer = new Balancer({ policy: policies.roundRobin(), nodes: [new Node(origin)] });
  onTestFinished(() => balancer.destroy());
  const leaks: string[] = [];
  balancer.on('leak', (node) => leaks.push(node.id));
  // A signal lives longer than the response, and must not keep it.
  const { signal } = new AbortController();

  expect(await statusOf(createFetch(balancer), signal)).toBe(200);
  expect(countsOfAll(balancer)).toEqual([1, 0, 0]);
  while (leaks.length === 0) {
    globalThis.gc!();
    await setImmediate();
  }
  expect(leaks).toEqual([origin]);
  expect(countsOfAll(balancer)).toEqual([0, 0, 0]);
});

/** In a function of its own, so that nothing here holds the response. */
async function statusOf(
  fetch: ReturnType<typeof createFetch>,
  signal: AbortSignal,
): Promise<number> {
  const response = await fetch('/', { signal });
  return response.status;
}
