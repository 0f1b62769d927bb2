import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Xorshift32 } from '../src/index.ts';

describe('Xorshift32', () => {
  test.each([
    [1, [270369, 67634689, 2647435461, 307599695, 2398689233]],
    [42, [11355432, 2836018348, 476557059]],
  ])('with seed %i repeats the known sequence', (seed, expected) => {
    const random = new Xorshift32(seed);
    expect(expected.map(() => random.next())).toEqual(expected);
  });

  test('replaces seed 0, which would stand still', () => {
    expect(new Xorshift32(0).next()).toBe(new Xorshift32(0x9e3779b9).next());
  });

  test('draws integers below n as the output scaled down', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 1_000_000 }), (seed, n) => {
        const drawn = new Xorshift32(seed).below(n);
        expect(drawn).toBe(Math.floor((new Xorshift32(seed).next() / 2 ** 32) * n));
        expect(drawn).toBeLessThan(n);
      }),
    );
  });
});
