import { describe, expect, test } from 'vitest';
import { RespawnPolicy } from '../../src/workers/respawn.ts';

describe('RespawnPolicy', () => {
  test('waits 100 ms, then twice as long each time, 10 s at most', () => {
    const policy = new RespawnPolicy();
    const delays = Array.from({ length: 9 }, (_, i) => policy.ended(i * 9000, 1000));
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  test('starts again at 100 ms after a worker that lived for 10 s', () => {
    const policy = new RespawnPolicy();
    policy.ended(0, 1000);
    policy.ended(9000, 1000);
    expect(policy.ended(30_000, 10_000)).toBe(100);
  });

  test('gives up at the fifth end within 10 s', () => {
    const policy = new RespawnPolicy();
    for (const nowMs of [0, 2000, 4000, 6000]) expect(policy.ended(nowMs, 100)).toBeDefined();
    expect(policy.ended(9999, 100)).toBeUndefined();
  });

  test('does not count ends of more than 10 s ago', () => {
    const policy = new RespawnPolicy();
    for (const nowMs of [0, 2000, 4000, 6000]) policy.ended(nowMs, 100);
    expect(policy.ended(10_000, 100)).toBeDefined();
  });
});
