import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseClientHello } from '../src/client-hello.ts';
import { routeByServerName } from '../src/sni-routing.ts';

const RANDOM = '11'.repeat(32);
/** Names example.com. */
const PLAIN = `16030100430100003f0303${RANDOM}00000213010100001400000010000e00000b6578616d706c652e636f6d`;
/** Names example.com and asks for h2. */
const WITH_ALPN = `160301004c010000480303${RANDOM}00000213010100001d00000010000e00000b6578616d706c652e636f6d001000050003026832`;

const VECTORS = [
  ['without ALPN', PLAIN, []],
  ['with ALPN', WITH_ALPN, ['h2']],
] as const;

describe('parseClientHello', () => {
  test.each(VECTORS)('reads the name %s, one byte at a time', (_name, hex, alpn) => {
    const bytes = Buffer.from(hex, 'hex');
    for (let length = 0; length < bytes.length; length++) {
      expect(parseClientHello(bytes.subarray(0, length)).state).toBe('more');
    }
    expect(parseClientHello(bytes)).toEqual({
      state: 'done',
      hello: { serverName: 'example.com', alpn },
    });
  });

  test.each(VECTORS)('reads the name %s, split over two records anywhere', (_name, hex, alpn) => {
    const handshake = Buffer.from(hex, 'hex').subarray(5);
    for (let cut = 1; cut < handshake.length; cut++) {
      const bytes = Buffer.concat([
        record(handshake.subarray(0, cut)),
        record(handshake.subarray(cut)),
      ]);
      expect(parseClientHello(bytes)).toEqual({
        state: 'done',
        hello: { serverName: 'example.com', alpn },
      });
    }
  });

  test('knows what is not TLS from its first byte', () => {
    expect(parseClientHello(Buffer.from('GET / HTTP/1.0\r\n\r\n')).state).toBe('not_tls');
    expect(parseClientHello(Buffer.from('G')).state).toBe('not_tls');
  });

  test('refuses a hello longer than 16 KiB', () => {
    const huge = Buffer.from('160301400001ffffff', 'hex');
    expect(parseClientHello(huge).state).toBe('invalid');
  });

  test('random and mutated bytes neither crash nor hang it', () => {
    const mutated = fc
      .tuple(fc.constantFrom(PLAIN, WITH_ALPN), fc.nat(), fc.nat(255))
      .map(([hex, at, value]) => {
        const bytes = Buffer.from(hex, 'hex');
        bytes[at % bytes.length] = value;
        return bytes;
      });
    const random = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.from([22, 3, 1, ...bytes]));
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        return ['more', 'not_tls', 'invalid', 'done'].includes(parseClientHello(bytes).state);
      }),
      { numRuns: process.env['BALANCER_TEST_LONG'] ? 1_000_000 : 2000 },
    );
  }, 600_000);
});

describe('routeByServerName', () => {
  const rules = [
    { hosts: ['*.example.com'], backend: 'wide' },
    { hosts: ['db.example.com', '*.pg.example.com'], backend: 'narrow' },
  ];

  test.each([
    ['a.example.com', 'wide'],
    ['a.b.example.com', 'wide'],
    ['db.example.com', 'narrow'],
    ['x.pg.example.com', 'narrow'],
    ['pg.example.com', 'wide'],
    ['example.com', undefined],
    ['badexample.com', undefined],
    ['', undefined],
  ])('leads %s to %s', (name, backend) => {
    expect(routeByServerName(rules, name)).toBe(backend);
  });
});

function record(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([22, 3, 1, body.length >> 8, body.length & 0xff]), body]);
}
