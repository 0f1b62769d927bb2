import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cmaEs, gridSearch, nelderMead, type Search, Stream } from '@balancer/simulation';

/** The best point of so many evaluations; every point asked for must be in the cube. */
function maximum(search: Search, value: (point: readonly number[]) => number, budget: number) {
  let best = { point: [] as readonly number[], value: -Infinity };
  let asked = search.next();
  for (let used = 0; asked.done !== true && used < budget;) {
    used += asked.value.length;
    const values = asked.value.map((point) => {
      expect(point.every((each) => each >= 0 && each <= 1)).toBe(true);
      const found = value(point);
      if (found > best.value) best = { point, value: found };
      return found;
    });
    asked = search.next(values);
  }
  return best;
}

const METHODS = {
  'nelder-mead': (dimensions: number): Search => nelderMead(dimensions),
  cmaes: (dimensions: number): Search => cmaEs(dimensions, new Stream(7n, 'test')),
};
/** A long curved valley with its top at (0.75, 0.6), scaled to the cube. */
const valley = ([x, y]: readonly number[]): number => {
  const [a, b] = [4 * x! - 2, 5 * y! - 2];
  return -((1 - a) ** 2 + 100 * (b - a * a) ** 2);
};

describe.each(Object.entries(METHODS))('%s', (_name, create) => {
  test('finds the top of a hill anywhere in the cube', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.05, max: 0.95, noNaN: true }), { minLength: 1, maxLength: 3 }),
        (top) => {
          const hill = (point: readonly number[]): number =>
            -point.reduce((sum, each, i) => sum + (each - top[i]!) ** 2, 0);
          const { point } = maximum(create(top.length), hill, 400);
          point.forEach((each, i) => expect(each).toBeCloseTo(top[i]!, 1));
        },
      ),
      { numRuns: 25, seed: 7 },
    );
  });

  test('follows a curved valley to its end', () => {
    const { point } = maximum(create(2), valley, 1500);
    expect(point[0]).toBeCloseTo(0.75, 2);
    expect(point[1]).toBeCloseTo(0.6, 2);
  });

  test('finds a top on the border, and walks round where nothing can be evaluated', () => {
    expect(maximum(create(2), ([x, y]) => x! + y!, 300).value).toBeCloseTo(2, 3);
    const hole = ([x, y]: readonly number[]): number =>
      x! < 0.5 ? NaN : -((x! - 0.7) ** 2) - (y! - 0.2) ** 2;
    expect(maximum(create(2), hole, 400).value).toBeCloseTo(0, 3);
  });

  test('asks for the same points again when it is told the same', () => {
    const points = (): unknown[] => {
      const seen: unknown[] = [];
      maximum(create(2), (point) => (seen.push(point), valley(point)), 60);
      return seen;
    };
    expect(points()).toEqual(points());
  });
});

describe('grid', () => {
  test('tries every combination of as many levels as the budget allows, ends included', () => {
    const points = gridSearch(2, 10).next().value as readonly (readonly number[])[];
    expect(points).toHaveLength(9);
    expect(points[0]).toEqual([0, 0]);
    expect(points[5]).toEqual([0.5, 1]);
    expect((gridSearch(3, 1000).next().value as readonly unknown[]).length).toBe(1000);
  });

  test('says how many points it needs at least', () => {
    expect(() => gridSearch(3, 7).next()).toThrow('needs at least 8; got 7');
  });
});
