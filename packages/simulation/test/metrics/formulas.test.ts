import { describe, expect, test } from 'vitest';
import { covarianceOf, impermanentLoss, lvrRate } from '@balancer/simulation';

describe('impermanentLoss', () => {
  test('after a price of four times is -20 % at 50/50 and -10.84 % at 80/20', () => {
    // 50/50: 2 sqrt(4) / (1 + 4) - 1; 80/20: 4^0.8 / (0.8 * 4 + 0.2) - 1.
    expect(impermanentLoss([0.5, 0.5], [4, 1])).toBeCloseTo(-0.2, 14);
    expect(impermanentLoss([0.8, 0.2], [4, 1])).toBeCloseTo(-0.10840201969976582, 14);
    expect(impermanentLoss([0.5, 0.5], [3, 3])).toBeCloseTo(0, 14);
  });
});

describe('lvrRate', () => {
  test('of 50/50 against cash is sigma^2 / 8, of 80/20 0.16 sigma^2 / 2', () => {
    const covariance = covarianceOf(
      [0.8, 0],
      [
        [1, 0],
        [0, 1],
      ],
    );
    expect(lvrRate([0.5, 0.5], covariance)).toBeCloseTo(0.08, 14);
    expect(lvrRate([0.8, 0.2], covariance)).toBeCloseTo((0.16 * 0.64) / 2, 14);
  });

  test('is nothing between tokens that move as one', () => {
    expect(
      lvrRate(
        [0.5, 0.5],
        covarianceOf(
          [0.8, 0.8],
          [
            [1, 1],
            [1, 1],
          ],
        ),
      ),
    ).toBeCloseTo(0, 14);
  });
});
