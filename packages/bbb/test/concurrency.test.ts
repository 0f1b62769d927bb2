import { describe, expect, test } from 'vitest';
import { mapLimited, Turns } from '../src/concurrency.ts';

/** A promise that a test ends. */
function pending(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

describe('work on many things', () => {
  test('is done some at a time, and told in order', async () => {
    let atOnce = 0;
    let atOnceMax = 0;
    const results = await mapLimited([3, 1, 2, 5, 4], 2, async (item) => {
      atOnceMax = Math.max(atOnceMax, ++atOnce);
      for (let i = 0; i < item; i++) await Promise.resolve();
      atOnce--;
      return item * 10;
    });
    expect([results, atOnceMax]).toEqual([[30, 10, 20, 50, 40], 2]);
  });

  test('that fails is not begun any further, and has failed when nothing is under way', async () => {
    const slow = pending();
    const ended: string[] = [];
    const working = mapLimited(['bad', 'slow', 'later'], 2, async (item) => {
      if (item === 'bad') throw new Error('the first');
      if (item === 'slow') await slow.promise;
      ended.push(item);
      if (item === 'slow') throw new Error('the second');
    }).catch((error: unknown) => {
      ended.push('failed');
      return error;
    });
    slow.resolve();
    expect(await working).toEqual(new Error('the first'));
    expect(ended).toEqual(['slow', 'failed']);
  });
});

describe('turns', () => {
  test('are taken one after the other under one key, and at once under several', async () => {
    const turns = new Turns();
    const first = pending();
    const done: string[] = [];
    const taken = ['a', 'b', 'a'].map(async (key, i) =>
      turns.take(key, async () => {
        if (i === 0) await first.promise;
        done.push(`${key}${i}`);
        if (i === 1) first.resolve();
        return i;
      }),
    );
    expect(await Promise.all(taken)).toEqual([0, 1, 2]);
    expect(done).toEqual(['b1', 'a0', 'a2']);
  });

  test('go on after one that fails', async () => {
    const turns = new Turns();
    const failing = turns.take('a', async () => {
      throw new Error('no');
    });
    const next = turns.take('a', async () => 'yes');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });
});
