import { describe, expect, test } from 'vitest';
import { carryOver } from '../src/carry-over.ts';

describe('carryOver', () => {
  test('keeps members by name, whatever their place and width', () => {
    const empty = { added: 7, count: 0n, port: 0, flags: { up: 0, seen: 0 }, times: [0, 0, 0] };
    const old = { port: 80n, gone: 1, count: 5, flags: { seen: 3 }, times: [1, 2] };
    expect(carryOver(empty, old)).toEqual({
      added: 7,
      count: 5n,
      port: 80,
      flags: { up: 0, seen: 3 },
      times: [1, 2, 0],
    });
  });

  test('fits bytes to their new length', () => {
    const empty = { longer: new Uint8Array(4), shorter: new Uint8Array(2) };
    const old = { longer: Uint8Array.of(1, 2), shorter: Uint8Array.of(1, 2, 3) };
    expect(carryOver(empty, old)).toEqual({
      longer: Uint8Array.of(1, 2, 0, 0),
      shorter: Uint8Array.of(1, 2),
    });
  });

  test('leaves a member empty that was of another kind', () => {
    expect(carryOver({ a: 0, b: new Uint8Array(1), c: {} }, { a: [1], b: 3, c: 4 })).toEqual({
      a: 0,
      b: new Uint8Array(1),
      c: {},
    });
  });
});
