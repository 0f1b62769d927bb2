import { describe, expect, test } from 'vitest';
import { Turns } from '../src/turns.ts';

describe('turns', () => {
  test('are taken one after the other under one key, and at once under several', async () => {
    const turns = new Turns();
    let endFirst = (): void => {};
    const first = new Promise<void>((resolve) => (endFirst = resolve));
    const done: string[] = [];
    const taken = ['a', 'b', 'a'].map(async (key, i) =>
      turns.take(key, async () => {
        if (i === 0) await first;
        done.push(`${key}${i}`);
        if (i === 1) endFirst();
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
