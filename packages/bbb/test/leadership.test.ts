import { onTestFinished, expect, test } from 'vitest';
import { silentLogger } from '@balancer/kit';
import { defaultBbbConfig } from '../src/index.ts';
import { Leadership } from '../src/leadership.ts';
import { Store } from '../src/store/store.ts';
import { temporaryFolder } from './temporary.ts';

test('a process is told that it leads, also if it asked for the lease out of turn, and that it no longer does', async () => {
  const store = await Store.openEmbedded(temporaryFolder());
  onTestFinished(() => store.close());
  let nowMs = Date.now();
  const context = {
    store,
    logger: silentLogger,
    nowMs: () => nowMs,
    config: () => defaultBbbConfig({ lease_seconds: 3600 }),
  };
  const told: [string, boolean][] = [];
  const [a, b] = ['a', 'b'].map(() => new Leadership('work', () => context)) as [
    Leadership,
    Leadership,
  ];
  await a.start((isLeading) => void told.push(['a', isLeading]));
  await b.start((isLeading) => void told.push(['b', isLeading]));
  expect([told, a.lease !== null, b.lease]).toEqual([[['a', true]], true, null]);
  await a.stop();
  expect(await b.renew()).toBe(true);
  expect(await b.renew()).toBe(true);
  nowMs += 3_600_001;
  expect([await a.renew(), await b.renew()]).toEqual([true, false]);
  expect(told).toEqual([
    ['a', true],
    ['b', true],
    ['a', true],
    ['b', false],
  ]);
  await a.stop();
  await b.stop();
});
