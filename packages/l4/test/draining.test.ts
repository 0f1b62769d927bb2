import { describe, expect, test } from 'vitest';
import { Draining } from '../src/draining.ts';

describe('draining', () => {
  test('is over when the time has passed since a server was removed', () => {
    const draining = new Draining();
    expect(draining.due([3], 1000, 5000)).toEqual([]);
    expect(draining.due([3, 4], 5999, 5000)).toEqual([]);
    expect(draining.due([3, 4], 6000, 5000)).toEqual([3]);
  });

  test('begins anew for a server that came back and was removed again', () => {
    const draining = new Draining();
    draining.due([3], 0, 5000);
    draining.due([], 4000, 5000);
    expect(draining.due([3], 6000, 5000)).toEqual([]);
    expect(draining.due([3], 11_000, 5000)).toEqual([3]);
  });

  test('is repeated at times, for a flow whose packet undid it', () => {
    const draining = new Draining();
    draining.due([3], 0, 5000);
    expect(draining.due([3], 5000, 5000)).toEqual([3]);
    expect(draining.due([3], 34_999, 5000)).toEqual([]);
    expect(draining.due([3], 35_000, 5000)).toEqual([3]);
  });

  test('never ends flows without a time, but counts', () => {
    const draining = new Draining();
    expect(draining.due([3], 0, 0)).toEqual([]);
    expect(draining.due([3], 5000, 5000)).toEqual([3]);
  });
});
