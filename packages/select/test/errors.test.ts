import { describe, expect, test } from 'vitest';
import { Balancer, ConfigError, policies } from '../src/index.ts';

describe('a mistaken option is refused with its name, its value and what is allowed', () => {
  const policy = policies.first();
  test.each([
    [
      () => policies.maglev({ tableSize: 1000 }),
      'maglev.tableSize: 1000 is not prime; nearest allowed sizes are 509 and 1021',
    ],
    [
      () => policies.maglev({ tableSize: 7 }),
      'maglev.tableSize: 7 is not an allowed size; nearest allowed sizes are 251',
    ],
    [
      () => policies.maglev({ tableSize: 1e7 }),
      'maglev.tableSize: 10000000 is not prime; nearest allowed sizes are 5000011',
    ],
    [
      () => policies.boundedHash({ c: 0.9 }),
      'boundedHash.c: must be a number of at least 1; got 0.9',
    ],
    [
      () => policies.hash({ replicas: 0 }),
      'hash.replicas: must be an integer from 1 to 10000; got 0',
    ],
    [
      () => policies.hash({ seed: 1.5 }),
      'hash.seed: must be an integer from -2147483648 to 4294967295; got 1.5',
    ],
    [
      () => policies.roundRobin({ start: -1 }),
      'roundRobin.start: must be an integer from 0 to 9007199254740991; got -1',
    ],
    [
      () => policies.leastConnection({ tieBreak: 'last' as never }),
      'leastConnection.tieBreak: must be one of "rotate", "first", "random"; got "last"',
    ],
    [
      () => policies.leastTime({ cold: 'hot' as never }),
      'leastTime.cold: must be one of "probe", "prefer"; got "hot"',
    ],
    [
      () => policies.moduloHash({ fallback: 'none' as never }),
      'moduloHash.fallback: must be one of "first", "next"; got "none"',
    ],
    [() => policies.p2c({ choices: 0 }), 'p2c.choices: must be an integer from 1 to 64; got 0'],
    [
      () => policies.peakEwma({ tauMs: 0 }),
      'peakEwma.tauMs: must be a number of at least 1; got 0',
    ],
    [
      () => policies.sticky({ inner: policy, ttlMs: 0 }),
      'sticky.ttlMs: must be a number of at least 1; got 0',
    ],
    [
      () => policies.sticky({ inner: policy, maxEntries: 0 }),
      'sticky.maxEntries: must be an integer from 1 to 16777216; got 0',
    ],
    [() => policies.prequal({} as never), 'prequal.probe: must be a function that asks a node'],
    [
      () => policies.aperture({ index: 3, peers: 3 }),
      'aperture.index: must be an integer from 0 to 2; got 3',
    ],
    [() => new Balancer({} as never), 'policy: must be a policy, such as policies.roundRobin()'],
    [
      () => new Balancer({ policy, panicThreshold: 101 }),
      'panicThreshold: must be a number from 0 to 100; got 101',
    ],
    [() => new Balancer({ policy, seed: 0.5 }), 'seed: must be an integer'],
    [
      () => new Balancer({ policy, slowStart: { windowMs: 0 } }),
      'slowStart.windowMs: must be a number of at least 1; got 0',
    ],
    [
      () => new Balancer({ policy, outlier: { maxEjectionPercent: 200 } }),
      'outlier.maxEjectionPercent: must be a number from 0 to 100; got 200',
    ],
    [
      () => new Balancer({ policy, outlier: { successRate: { minNodes: 0 } } }),
      'outlier.successRate.minNodes: must be a number of at least 1; got 0',
    ],
    [
      () => new Balancer({ policy, clock: 'fine' as never }),
      'clock: must be "coarse" or an object with now and resolutionMs',
    ],
    [
      () => new Balancer({ policy, clock: { resolutionMs: 0 } }),
      'clock.resolutionMs: must be an integer from 1 to 1000; got 0',
    ],
  ])('%#', (make, message) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  test('swapping in something that is no policy leaves the old one', () => {
    const balancer = new Balancer({ policy });
    expect(() => (balancer.policy = {} as never)).toThrow(ConfigError);
    expect(balancer.policy).toBe(policy);
  });
});
