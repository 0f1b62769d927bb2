import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError, v1 } from '@balancer/pools';

const { num } = v1;
const { BONE } = num;
const MAX = 2n ** 256n - 1n;

const amount = fc.bigInt(0n, 10n ** 30n);

describe('bmul and bdiv', () => {
  test('round half up: twice the error is at most one unit', () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        const error = 2n * (num.bmul(a, b) * BONE - a * b);
        expect(error > -BONE && error <= BONE).toBe(true);
      }),
    );
    fc.assert(
      fc.property(amount, fc.bigInt(1n, 10n ** 30n), (a, b) => {
        const error = 2n * (num.bdiv(a, b) * b - a * BONE);
        expect(error >= -b && error <= b).toBe(true);
      }),
    );
  });

  test.each([
    ['ERR_MUL_OVERFLOW', () => num.bmul(MAX, 2n)],
    ['ERR_DIV_INTERNAL', () => num.bdiv(MAX, 1n)],
    ['ERR_DIV_ZERO', () => num.bdiv(1n, 0n)],
    ['ERR_ADD_OVERFLOW', () => num.badd(MAX, 1n)],
    ['ERR_SUB_UNDERFLOW', () => num.bsub(0n, 1n)],
  ])('revert with %s', (code, call) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

describe('bpow', () => {
  const base = fc.bigInt(BONE / 3n, num.MAX_BPOW_BASE - BONE / 3n);

  test('is within 1e-8 of the real power for bases from 1/3 to 5/3', () => {
    fc.assert(
      fc.property(base, fc.bigInt(0n, 4n * BONE), (x, e) => {
        const real = (Number(x) / 1e18) ** (Number(e) / 1e18);
        const found = Number(num.bpow(x, e)) / 1e18;
        expect(Math.abs(found - real)).toBeLessThan(1e-8 * Math.max(1, real));
      }),
    );
  });

  test('of a whole exponent is repeated multiplication within a unit per step', () => {
    fc.assert(
      fc.property(base, fc.integer({ min: 0, max: 12 }), (x, n) => {
        let product = BONE;
        for (let i = 0; i < n; i++) product = num.bmul(product, x);
        const off = num.bdiff(num.bpow(x, BigInt(n) * BONE), product);
        expect(off <= 12n + product / 10n ** 15n).toBe(true);
      }),
    );
  });

  test.each([
    ['ERR_BPOW_BASE_TOO_LOW', 0n],
    ['ERR_BPOW_BASE_TOO_HIGH', 2n * BONE],
  ])('reverts with %s', (code, x) => {
    expect(() => num.bpow(x, BONE)).toThrow(expect.objectContaining({ code }));
  });

  test('refuses a series that would not converge', () => {
    expect(() => num.bpowApprox(2n * BONE, BONE / 2n, num.BPOW_PRECISION)).toThrow(InputError);
    expect(() => num.bpowApprox(BONE, BONE, num.BPOW_PRECISION)).toThrow(InputError);
  });
});

test('bfloor and btoi drop the fraction', () => {
  fc.assert(
    fc.property(amount, (a) => {
      expect(num.bfloor(a)).toBe(num.btoi(a) * BONE);
      expect(a - num.bfloor(a) < BONE).toBe(true);
    }),
  );
});
