import { describe, expect, test } from 'vitest';
import { hashFlow, murmur3 } from '../src/hash.ts';

describe('murmur3', () => {
  test.each([
    ['c000020a', 429_278_398],
    ['c000020a9c400050', 1_138_101_665],
    ['20010db8000c00000000000000000010', 3_418_515_688],
    ['20010db8000c000000000000000000109c400050', 55_794_259],
  ])('of %s is %d', (hex, hash) => {
    expect(murmur3(new Uint8Array(Buffer.from(hex, 'hex')))).toBe(hash);
  });
});

describe('hashFlow', () => {
  const flow = {
    source: '192.0.2.10',
    sourcePort: 40_000,
    destination: '203.0.113.1',
    servicePort: 80,
  };

  test('covers what the mode says', () => {
    expect(hashFlow(flow, 'ip')).toBe(429_278_398);
    expect(hashFlow(flow, 'ip-port')).toBe(1_138_101_665);
    expect(hashFlow(flow, 'network')).toBe(429_278_398);
    expect(hashFlow({ ...flow, source: '192.0.2.11' }, 'dst-ip')).toBe(hashFlow(flow, 'dst-ip'));
  });

  test('takes clients of one IPv6 /64 for the same, when it hashes networks', () => {
    const place = (source: string): number => hashFlow({ ...flow, source }, 'network');
    expect(place('2001:db8:c::10')).toBe(place('2001:db8:c:0:ffff::1'));
    expect(place('2001:db8:c:1::10')).not.toBe(place('2001:db8:c::10'));
  });
});
