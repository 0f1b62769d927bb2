import { describe, expect, test } from 'vitest';
import {
  BootstrapIndex,
  cholesky,
  correlate,
  eigenvalues,
  garch,
  gbm,
  merton,
  ouLog,
  regime,
  Stream,
} from '@balancer/simulation';

const YEAR_STEPS = 105_120;
const DT = 1 / YEAR_STEPS;

describe('gbm', () => {
  // The standard error of a volatility over 10^6 steps is sigma / sqrt(2 * 10^6) = 0.07 %.
  test('has over 1e6 steps a volatility within 0.5 % and returns without memory', () => {
    const stream = new Stream(20n, 'gbm');
    const process = gbm({ mu: 0, sigma: 0.8 }, DT);
    const n = 1_000_000;
    let [sum, squares, products, last, price] = [0, 0, 0, 0, 100];
    for (let i = 0; i < n; i++) {
      const next = process.next(price, stream.normal(), stream);
      const r = Math.log(next / price);
      price = next;
      sum += r;
      squares += r * r;
      products += r * last;
      last = r;
    }
    const variance = squares / n - (sum / n) ** 2;
    expect(Math.abs(Math.sqrt(variance * YEAR_STEPS) / 0.8 - 1)).toBeLessThan(0.005);
    expect(Math.abs(products / n / variance)).toBeLessThan(0.005);
  });
});

describe('merton', () => {
  const parameters = { mu: 0.1, sigma: 0.6, lambda: 50, jumpMean: -0.03, jumpSd: 0.05 };

  test('without jumps takes the steps of gbm', () => {
    const quiet = merton({ ...parameters, lambda: 0 }, DT);
    const plain = gbm({ mu: 0.1, sigma: 0.6 }, DT);
    const stream = new Stream(1n, 'm');
    for (const z of [-2, -0.3, 0, 1.7]) {
      // A Poisson draw of mean 0 takes one uniform, which the price does not depend on.
      expect(quiet.next(100, z, stream)).toBe(plain.next(100, z, stream));
    }
  });

  test('keeps the mean of S_T at S_0 exp(mu T), within 3 standard errors', () => {
    const stream = new Stream(22n, 'm');
    const process = merton(parameters, 1 / 365);
    const ends = Array.from({ length: 4000 }, () => {
      let price = 1;
      for (let i = 0; i < 60; i++) price = process.next(price, stream.normal(), stream);
      return price;
    });
    const mean = ends.reduce((a, b) => a + b) / ends.length;
    const sd = Math.sqrt(ends.reduce((a, b) => a + (b - mean) ** 2, 0) / (ends.length - 1));
    expect(Math.abs(mean - Math.exp((0.1 * 60) / 365))).toBeLessThan(
      (3 * sd) / Math.sqrt(ends.length),
    );
  });
});

describe('ouLog', () => {
  test('without noise goes half the way back in ln 2 / kappa years', () => {
    const process = ouLog({ mean: 1, kappa: Math.LN2, sigma: 0.3 }, 1);
    expect(process.next(Math.E, 0, new Stream(1n, ''))).toBeCloseTo(Math.sqrt(Math.E), 12);
  });
});

describe('garch', () => {
  test('raises the next variance after a large shock, and restores it', () => {
    const process = garch({ mu: 0, omega: 1e-6, alpha: 0.2, beta: 0.7 }, DT);
    const stream = new Stream(1n, '');
    const [calm] = process.save();
    expect(calm).toBeCloseTo(1e-5, 12);
    process.next(1, 3, stream);
    // omega + alpha * 9 v + beta v
    expect(process.save()[0]).toBeCloseTo(1e-6 + 2.5 * 1e-5, 12);
    process.restore([calm!]);
    expect(process.save()[0]).toBe(calm);
  });

  test('refuses a variance that grows for ever', () => {
    expect(() => garch({ mu: 0, omega: 1e-6, alpha: 0.5, beta: 0.5 }, DT)).toThrow(
      'alpha + beta must be below 1; got 1',
    );
  });
});

describe('regime', () => {
  const calm = gbm({ mu: 0, sigma: 0 }, DT);
  const wild = ouLog({ mean: 2, kappa: 1e9, sigma: 0 }, DT);

  test('follows its transition matrix and restores where it was', () => {
    const chain = regime(
      [calm, wild],
      [
        [0, 1],
        [1, 0],
      ],
    );
    const stream = new Stream(5n, 'r');
    const path = [chain.next(1, 0, stream), chain.next(1, 0, stream), chain.next(1, 0, stream)];
    expect(path).toEqual([1, 2, 1]);
    const saved = chain.save();
    chain.next(1, 0, stream);
    chain.restore(saved);
    expect(chain.next(1, 0, stream)).toBe(2);
  });

  test('refuses a row that is no distribution', () => {
    expect(() =>
      regime(
        [calm, wild],
        [
          [0.5, 0.4],
          [1, 0],
        ],
      ),
    ).toThrow('transition[0] must be 2 probabilities that sum to 1');
  });
});

describe('BootstrapIndex', () => {
  test('with blocks as long as the source keeps the order and wraps', () => {
    const n = 50;
    const index = new BootstrapIndex(n, n);
    const stream = new Stream(21n, 'b');
    const drawn = Array.from({ length: 2000 }, () => index.next(stream));
    const steps = drawn.slice(1).map((value, i) => (value - drawn[i]! + n) % n);
    const kept = steps.filter((step) => step === 1).length;
    // A fresh index comes once in n draws; a few of those are the next one by chance.
    expect(kept / steps.length).toBeGreaterThan(0.95);
    expect(drawn.some((value, i) => value === 0 && drawn[i - 1] === n - 1)).toBe(true);
    expect(new Set(drawn).size).toBe(n);
  });

  test('refuses blocks below one row', () => {
    expect(() => new BootstrapIndex(3, 0.5)).toThrow('meanBlock must be at least 1; got 0.5');
  });
});

describe('cholesky', () => {
  test('gives normals the correlations of the matrix', () => {
    const lower = cholesky([
      [1, 0.6, 0.2],
      [0.6, 1, -0.3],
      [0.2, -0.3, 1],
    ]);
    const product = (i: number, j: number): number =>
      lower[i]!.reduce((sum, value, k) => sum + value * lower[j]![k]!, 0);
    expect(product(0, 1)).toBeCloseTo(0.6, 14);
    expect(product(1, 2)).toBeCloseTo(-0.3, 14);
    expect(product(2, 2)).toBeCloseTo(1, 14);
    const normals = Float64Array.of(1, 0, 0);
    correlate(lower, normals);
    expect([...normals]).toEqual([1, 0.6, 0.2]);
  });

  test('names the eigenvalue of a matrix that is not positive definite', () => {
    const matrix = [
      [1, 0.9, -0.9],
      [0.9, 1, 0.9],
      [-0.9, 0.9, 1],
    ];
    expect(Math.min(...eigenvalues(matrix))).toBeCloseTo(-0.8, 10);
    expect(() => cholesky(matrix)).toThrow('least eigenvalue is -0.8');
  });

  test.each([
    [
      [
        [1, 0.5],
        [0.4, 1],
      ],
      'correlation[0][1]: must equal [1][0], 0.4; got 0.5',
    ],
    [
      [
        [2, 0],
        [0, 1],
      ],
      'correlation[0][0]: must be 1; got 2',
    ],
    [
      [
        [1, 2],
        [2, 1],
      ],
      'must be from -1 to 1; got 2',
    ],
    [[[1, 0]], 'must have 1 entries; has 2'],
  ])('refuses %j', (matrix, message) => {
    expect(() => cholesky(matrix)).toThrow(message);
  });
});
