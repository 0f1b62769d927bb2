import { onTestFinished, expect, test } from 'vitest';
import { silentLogger } from '@balancer/kit';
import { defaultBbbConfig } from '../src/index.ts';
import { Leadership } from '../src/leadership.ts';
import { Store } from '../src/store/store.ts';
import { temporaryFolder } from './temporary.ts';

test('a process is told that it leads, also if it asked for the lease out of turn', async () => {
  const store = await Store.openEmbedded(temporaryFolder());
  onTestFinished(() => store.close());
  const context = {
    store,
    logger: silentLogger,
    nowMs: Date.now,
    config: () => defaultBbbConfig({ lease_seconds: 3600 }),
  };
  const told: string[] = [];
  const [a, b] = ['a', 'b'].map(() => new Leadership('work', () => context)) as [
    Leadership,
    Leadership,
  ];
  await a.start(() => void told.push('a'));
  await b.start(() => void told.push('b'));
  expect([told, a.lease !== null, b.lease]).toEqual([['a'], true, null]);
  await a.stop();
  expect(await b.renew()).toBe(true);
  expect(await b.renew()).toBe(true);
  expect(told).toEqual(['a', 'b']);
  await b.stop();
});
