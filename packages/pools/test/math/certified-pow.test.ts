import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { certifiedPow } from '../../src/math/certified-pow.ts';
import { pow, powByBigint } from '../../src/math/log-exp.ts';

const ONE = 10n ** 18n;
const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const RUNS = { numRuns: LONG ? 500_000 : 5_000 };

const base = fc.oneof(
  fc.bigInt((ONE * 9n) / 10n, (ONE * 11n) / 10n),
  fc.bigInt(ONE / 2n, 2n * ONE),
  fc.bigInt(ONE - 10n ** 9n, ONE + 10n ** 9n),
);
const exponent = fc.oneof(
  fc.bigInt(1n, 18n * ONE),
  fc.bigInt(1n, 10n ** 15n),
  fc.constantFrom(ONE / 4n, ONE / 2n, ONE, 2n * ONE, 4n * ONE, 9n * ONE, ONE / 9n, (ONE * 3n) / 7n),
);

describe('the certified power', () => {
  test('is the power of the contract, or nothing', () => {
    fc.assert(
      fc.property(base, exponent, (x, y) => {
        const power = certifiedPow(x, y);
        fc.pre(power !== null);
        expect(power).toBe(powByBigint(x, y));
      }),
      RUNS,
    );
  });

  test('is found for nearly every swap', () => {
    let found = 0;
    const bases = 2000;
    for (let i = 1; i <= bases; i++) {
      const x = (ONE * 77n) / 100n + (BigInt(i) * ONE * 23n) / (100n * BigInt(bases)) - 7n;
      if (certifiedPow(x, (ONE * 3n) / 7n + BigInt(i)) !== null) found += 1;
    }
    expect(found).toBeGreaterThan(bases * 0.99);
  });

  // A wrong last digit would show here: powers of 1.0 and its neighbours meet every guard.
  test.each([ONE, ONE - 1n, ONE + 1n, (ONE * 9n) / 10n, (ONE * 11n) / 10n, ONE / 2n, 2n * ONE])(
    'agrees at the edge %s of its ranges',
    (x) => {
      for (const y of [1n, ONE / 4n, ONE, 3n * ONE, 18n * ONE, 2n ** 64n - 1n, 2n ** 64n]) {
        expect(pow(x, y)).toBe(powByBigint(x, y));
      }
    },
  );
});
