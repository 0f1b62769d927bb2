import { onTestFinished, expect, test, vi } from 'vitest';
import { silentLogger } from '@balancer/kit';
import { defaultBbbConfig } from '../src/index.ts';
import { Leadership } from '../src/leadership.ts';
import { Store } from '../src/store/store.ts';
import { temporaryFolder } from './temporary.ts';

test('a lease that is given up while it is being renewed is free', async () => {
  const store = await Store.openEmbedded(temporaryFolder());
  onTestFinished(() => store.close());
  const context = {
    store,
    logger: silentLogger,
    nowMs: Date.now,
    config: () => defaultBbbConfig({ lease_seconds: 3600 }),
  };
  const [a, b] = [new Leadership('work', () => context), new Leadership('work', () => context)];
  await a.start(() => {});
  const acquire = store.leases.acquire.bind(store.leases);
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  vi.spyOn(store.leases, 'acquire').mockImplementationOnce(async (...args) => {
    await released;
    return acquire(...args);
  });
  const renewing = a.renew();
  const stopping = a.stop();
  release();
  await Promise.all([renewing, stopping]);
  expect([a.lease, await b.renew()]).toEqual([null, true]);
  await b.stop();
});

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
