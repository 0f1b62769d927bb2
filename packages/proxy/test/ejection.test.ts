import { freePort } from '@balancer/kit';
import { afterEach, expect, test } from 'vitest';
import { configOf, holdTime, startBalancer, startNamed, whoAnswers } from './support.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

test('five refused connections in a row eject a server for 30 s, and it returns slowly', async () => {
  const time = holdTime();
  const [port, live] = [await freePort(), await startNamed('B')];
  const balancer = await startBalancer(
    configOf({
      servers: [`127.0.0.1:${port}`, live.address],
      backend: 'slow_start = "100s"\n[backends.out.outlier]\n',
    }),
  );
  cleanups.push(balancer.stop, live.close);
  const backend = balancer.loadBalancer.backends.get('out')!;
  const [dead] = backend.servers;
  const answers = (count: number): Promise<string> => whoAnswers(balancer.port(), count);

  expect(await answers(8)).toBe('B'.repeat(8));
  expect(dead!.state).toBe('up');
  expect(await answers(2)).toBe('BB');
  expect(dead!.state).toBe('ejected');
  expect(dead!.counters.connectFailures.refused).toBe(5);
  expect(dead!.ejectedUntil!.getTime() - Date.now()).toBe(30_000);

  cleanups.push((await startNamed('A', port)).close);
  await time.advance(29_900);
  expect(await answers(10)).toBe('B'.repeat(10));
  await time.advance(200);
  expect(dead!.state).toBe('up');

  // A tenth of the weight at first: one connection in eleven.
  expect(await answers(22)).toMatch(/^(B*A){2}B*$/);
  await time.advance(49_900);
  expect(backend.effectiveWeights().get(dead!.address)).toBeCloseTo(0.5, 1);
  await time.advance(50_000);
  expect(backend.effectiveWeights().get(dead!.address)).toBe(1);
  expect((await answers(20)).replaceAll('B', '')).toHaveLength(10);
});
