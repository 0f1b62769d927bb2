/** What every storage must do with what is owed to front-ends, run against each of them. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { NewHook } from '../../src/store/hooks.ts';
import type { Store } from '../../src/store/store.ts';

const T0 = 1_700_000_000_000;

/** @param open - An empty store. */
export function describeCallbackStore(name: string, open: () => Promise<Store>): void {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });

  describe(`callback addresses in ${name}`, () => {
    test('are remembered by meeting, the last create wins', async () => {
      const m = { meetingId: 'm', tenantId: '' };
      await store.callbacks.remember(m, { analyticsCallbackUrl: 'https://a/1' }, T0);
      const both = { analyticsCallbackUrl: 'https://a/2?x="y"', recordingReadyUrl: 'http://r' };
      await store.callbacks.remember(m, both, T0);
      await store.callbacks.remember(m, {}, T0);
      expect(await store.callbacks.find(m)).toEqual(both);
      expect(await store.callbacks.find({ ...m, meetingId: 'n' })).toEqual({});
      const ofTenant = { meetingId: 'm', tenantId: 't1' };
      await store.callbacks.remember(ofTenant, { recordingReadyUrl: 'http://t1' }, T0);
      expect(await store.callbacks.find(ofTenant)).toEqual({ recordingReadyUrl: 'http://t1' });
      expect(await store.callbacks.find(m)).toEqual(both);
      expect(await store.callbacks.tenantOf('m')).toBe('t1');
      await store.callbacks.dropOlderThan(T0);
      expect(await store.callbacks.find(m)).toEqual(both);
      await store.callbacks.dropOlderThan(T0 + 1);
      expect(await store.callbacks.find(m)).toEqual({});
    });

    test('are found whichever of two creates at once is remembered last', async () => {
      const m = { meetingId: 'm', tenantId: 't1', idHash: 'hash' };
      // The create without addresses has looked before the other one was there.
      vi.spyOn(store.callbacks, 'tenantOfHash').mockImplementationOnce(async () => {
        await store.callbacks.remember(m, { recordingReadyUrl: 'http://r' }, T0);
        return undefined;
      });
      await store.callbacks.rememberTenant(m, T0);
      expect(await store.callbacks.find(m)).toEqual({ recordingReadyUrl: 'http://r' });
      expect(await store.callbacks.tenantOf('m')).toBe('t1');
    });
  });

  describe(`the queue of deliveries in ${name}`, () => {
    const delivery = {
      kind: 'hook',
      tenant_id: '',
      method: 'POST',
      url: 'u',
      payload: '',
    } as const;

    test('is in the order in which it was filled, also within a millisecond', async () => {
      for (const id of ['2', '1', '3']) await store.deliveries.add({ ...delivery, id }, T0);
      await store.deliveries.add({ ...delivery, id: '0' }, T0 + 1);
      const due = await store.deliveries.due(T0 + 1, 10);
      expect(due.map(({ id }) => id)).toEqual(['1', '2', '3', '0']);
    });

    test('takes no outcome of a try that somebody else has made since, or that was ordered anew', async () => {
      await store.deliveries.add({ ...delivery, id: 'a' }, T0);
      const [tried] = await store.deliveries.due(T0, 1);
      const failed = { attempts: 1, state: 'pending', last_error: 'x' } as const;
      const done = { attempts: 1, state: 'delivered', last_error: '', next_at_ms: T0 + 2 } as const;
      await store.deliveries.update(tried!, done);
      await store.deliveries.update(tried!, { ...failed, next_at_ms: T0 + 60_000 });
      expect(await store.deliveries.list(undefined, 1)).toMatchObject([done]);
      await store.deliveries.retry('a', T0 + 3);
      const [again] = await store.deliveries.due(T0 + 3, 1);
      await store.deliveries.retry('a', T0 + 4);
      await store.deliveries.update(again!, { ...failed, next_at_ms: T0 + 60_000 });
      expect(await store.deliveries.due(T0 + 4, 1)).toMatchObject([{ attempts: 0 }]);
    });
  });

  describe(`hooks in ${name}`, () => {
    const hook: NewHook = {
      tenant_id: 't',
      callback_url: 'http://a',
      meeting_id: '',
      event_id: '',
      is_raw: 0,
    };

    test('of twenty made at once for one address are one', async () => {
      const made = await Promise.all(
        Array.from({ length: 20 }, async () => store.hooks.add(hook, T0)),
      );
      expect(made.filter((one) => one?.isNew)).toHaveLength(1);
      expect(new Set(made.map((one) => one?.hook.id)).size).toBe(1);
    });

    test('that are destroyed while they are made again are made again', async () => {
      const first = await store.hooks.add(hook, T0);
      vi.spyOn(store.hooks, 'list').mockImplementationOnce(async () => []);
      const known = await store.hooks.add(hook, T0);
      expect(known).toEqual({ hook: first!.hook, isNew: false });
      await store.hooks.remove('t', first!.hook.id);
      expect(await store.hooks.add(hook, T0)).toMatchObject({ isNew: true });
    });
  });
}
