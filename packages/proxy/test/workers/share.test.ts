import fc from 'fast-check';
import { parseLoadBalancerConfig } from '@balancer/lb';
import { describe, expect, test } from 'vitest';
import { shareOfConfig, shareOfCount, shareOfServer } from '../../src/workers/share.ts';

const CONFIG = parseLoadBalancerConfig(
  `[global]
max_connections = 11
[frontends.a]
listen_addr = ":3000"
backend = "out"
max_connections = 10
connection_rate = 100
[frontends.u]
listen_addr = ":3001"
protocol = "udp"
backend = "out"
max_connections = 7
[frontends.v]
listen_addr = ":3002"
protocol = "udp"
backend = "out"
[backends.out]
max_queue = 2
[backends.out.servers.s]
addr = "127.0.0.1:1"
max_connections = 5
`,
  'share.toml',
).config;

describe('a share', () => {
  test('of any number adds up to it, and differs from others by 1 at most', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 256 }), (total, count) => {
        const shares = Array.from({ length: count }, (_, index) =>
          shareOfCount(total, { index, count }),
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(total);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('of a configuration divides its limits and leaves what is no limit', () => {
    const [first, second, third] = [0, 1, 2].map((index) =>
      shareOfConfig(CONFIG, { index, count: 3 }),
    );
    expect([first, second, third].map((share) => share!.global.max_connections)).toEqual([4, 4, 3]);
    expect([first, second, third].map((share) => share!.frontends['a']!.max_connections)).toEqual([
      4, 3, 3,
    ]);
    expect(first!.frontends['a']).toMatchObject({ connection_rate: 34, connection_burst: 0 });
    expect([first, second, third].map((share) => share!.backends['out']!.max_queue)).toEqual([
      1, 1, 0,
    ]);
    expect(first!.backends['out']!.servers['s']!.max_connections).toBe(2);
  });

  test('gives every UDP frontend to one worker, undivided', () => {
    const owners = [0, 1, 2].map((index) =>
      Object.keys(shareOfConfig(CONFIG, { index, count: 3 }).frontends).join(' '),
    );
    expect(owners).toEqual(['a u', 'a v', 'a']);
    expect(shareOfConfig(CONFIG, { index: 0, count: 3 }).frontends['u']!.max_connections).toBe(7);
  });

  test('of one worker is the whole', () => {
    expect(shareOfConfig(CONFIG, { index: 0, count: 1 })).toBe(CONFIG);
  });

  // 0 would be no limit at all.
  test('of a discovered server is never 0 unless the server has no limit', () => {
    const server = CONFIG.backends['out']!.servers['s']!;
    const limited = { ...server, max_connections: 1 };
    expect(shareOfServer(limited, { index: 3, count: 4 }).max_connections).toBe(1);
    expect(shareOfServer({ ...server, max_connections: 0 }, { index: 0, count: 4 })).toMatchObject({
      max_connections: 0,
    });
  });
});
