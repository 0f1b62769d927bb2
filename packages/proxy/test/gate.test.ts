import * as fc from 'fast-check';
import { parseLoadBalancerConfig } from '@balancer/lb';
import type { FrontendConfig } from '@balancer/lb';
import { describe, expect, test } from 'vitest';
import { Gate } from '../src/gate.ts';
import { TokenBucket } from '../src/token-bucket.ts';
import { configOf } from './support.ts';

function frontendWith(keys: string): FrontendConfig {
  const toml = configOf({ servers: ['127.0.0.1:1'], frontend: keys });
  return parseLoadBalancerConfig(toml, 'gate.toml').config.frontends['in']!;
}

function gateWith(keys: string): { gate: Gate; advance: (ms: number) => void } {
  let nowMs = 0;
  return {
    gate: new Gate(frontendWith(keys), () => nowMs),
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

describe('Gate', () => {
  test('looks at deny before allow', () => {
    const { gate } = gateWith('allow = ["10.0.0.0/8", "2001:db8::/32"]\ndeny = ["10.1.0.0/16"]');
    expect(gate.enter('10.2.3.4')).toBeUndefined();
    expect(gate.enter('10.1.3.4')).toBe('acl');
    expect(gate.enter('192.0.2.1')).toBe('acl');
    expect(gate.enter('2001:db8::7')).toBeUndefined();
    expect(gate.enter('2001:db9::7')).toBe('acl');
  });

  test('limits connections in all and per client, and counts those that leave', () => {
    const { gate } = gateWith('max_connections = 3\nmax_connections_per_ip = 2');
    expect(['a', 'a', 'a', 'b', 'c'].map((ip) => gate.enter(ip))).toEqual([
      undefined,
      undefined,
      'max_connections',
      undefined,
      'max_connections',
    ]);
    gate.leave('a');
    expect(gate.enter('a')).toBeUndefined();
    expect(gate.open).toBe(3);
  });

  test('lets 100 per second in, plus the burst, of 1000 attempts within 5 s', () => {
    const { gate, advance } = gateWith('connection_rate = 100\nconnection_burst = 10');
    let entered = 0;
    for (let i = 0; i < 1000; i++) {
      if (gate.enter('a') === undefined) entered++;
      advance(5);
    }
    expect(entered).toBeGreaterThanOrEqual(500);
    expect(entered).toBeLessThanOrEqual(510);
  });

  test('counts rates per client, and a refused client takes nothing from the others', () => {
    const { gate, advance } = gateWith('connection_rate = 10\nconnection_rate_per_ip = 2');
    const results = Array.from({ length: 20 }, () => gate.enter('greedy'));
    expect(results.filter((result) => result === undefined)).toHaveLength(2);
    expect(gate.enter('modest')).toBeUndefined();
    advance(500);
    expect(gate.enter('greedy')).toBeUndefined();
    expect(gate.enter('greedy')).toBe('rate');
  });

  test('keeps its counts when the configuration changes', () => {
    const { gate } = gateWith('max_connections = 2');
    gate.enter('a');
    gate.enter('b');
    gate.update(frontendWith('max_connections = 3'));
    expect(gate.enter('c')).toBeUndefined();
    expect(gate.enter('d')).toBe('max_connections');
  });
});

describe('TokenBucket', () => {
  test('never gives more than the burst plus what the time earned', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 200 }),
        (perSecond, burst, waits) => {
          const bucket = new TokenBucket(perSecond, burst);
          let nowMs = 0;
          let taken = 0;
          for (const wait of waits) {
            nowMs += wait;
            if (bucket.take(nowMs)) taken++;
          }
          expect(taken).toBeLessThanOrEqual(burst + (nowMs * perSecond) / 1000 + 1e-6);
        },
      ),
    );
  });
});
