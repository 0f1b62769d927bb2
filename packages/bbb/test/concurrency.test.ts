import { describe, expect, test } from 'vitest';
import { mapLimited } from '../src/concurrency.ts';

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
