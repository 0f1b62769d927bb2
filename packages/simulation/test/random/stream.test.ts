import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Stream } from '@balancer/simulation';

describe('Stream', () => {
  test('gives the words of the contract for seed 42 and run/0/price', () => {
    const stream = new Stream(42n, 'run/0/price');
    expect([stream.u32(), stream.u32(), stream.u32()]).toEqual([
      3828526752, 1713773174, 1352414072,
    ]);
    expect(stream.uniform()).toBe(0.9821734310929658);
  });

  test('fills arrays with the normals that single calls give, whatever was drawn before', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.nat(5),
        fc.array(fc.nat(9), { maxLength: 6 }),
        (seed, before, counts) => {
          const [one, many] = [new Stream(seed, 'x'), new Stream(seed, 'x')];
          for (let i = 0; i < before; i++) expect(many.normal()).toBe(one.normal());
          for (const count of counts) {
            const filled = new Float64Array(count);
            many.fillNormals(filled, count);
            expect([...filled]).toEqual(Array.from({ length: count }, () => one.normal()));
          }
        },
      ),
    );
  });

  test('goes on from a saved state, the kept normal included', () => {
    const stream = new Stream(7n, 'a');
    stream.normal();
    const saved = stream.save();
    const after = [stream.normal(), stream.normal(), stream.uniform()];
    stream.restore(saved);
    expect([stream.normal(), stream.normal(), stream.uniform()]).toEqual(after);
  });

  test('streams of other labels or seeds differ', () => {
    const first = (seed: bigint, label: string): number => new Stream(seed, label).u32();
    expect(new Set([first(1n, 'a'), first(1n, 'b'), first(2n, 'a')]).size).toBe(3);
    expect(first(1n << 64n, 'a')).toBe(first(0n, 'a'));
  });

  // Standard errors over 200 000 draws: 1 / sqrt(n) = 0.0022; five of them leave room for any seed.
  test('has the means and spreads of its distributions', () => {
    const stream = new Stream(3n, 'moments');
    const n = 200_000;
    let [sum, squares, arrivals, waits] = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const z = stream.normal();
      sum += z;
      squares += z * z;
      arrivals += stream.poisson(2);
      waits += stream.exponential(4);
    }
    expect(Math.abs(sum / n)).toBeLessThan(0.0112);
    expect(Math.abs(squares / n - 1)).toBeLessThan(0.0158);
    expect(Math.abs(arrivals / n - 2)).toBeLessThan(0.0158);
    expect(Math.abs(waits / n - 0.25)).toBeLessThan(0.0028);
  });
});
