import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ClientHelloReader, HELLO_MAX_BYTES, type HelloParse } from '../src/client-hello.ts';
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

function parseClientHello(bytes: Buffer): HelloParse {
  return new ClientHelloReader().read(bytes);
}

/** Bytes that look like a ClientHello, some of them changed. */
const almostHello = fc.oneof(
  fc.tuple(fc.constantFrom(PLAIN, WITH_ALPN), fc.nat(), fc.nat(255)).map(([hex, at, value]) => {
    const bytes = Buffer.from(hex, 'hex');
    bytes[at % bytes.length] = value;
    return bytes;
  }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from([22, 3, 1, ...bytes])),
);

const numRuns = process.env['BALANCER_TEST_LONG'] ? 1_000_000 : 2000;

describe('ClientHelloReader', () => {
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

  test('does not look at what follows the hello, such as early data', () => {
    const bytes = Buffer.concat([
      Buffer.from(PLAIN, 'hex'),
      Buffer.from('1403030001011703030001ff', 'hex'),
    ]);
    expect(parseClientHello(bytes)).toMatchObject({ hello: { serverName: 'example.com' } });
  });

  test('random and mutated bytes do not crash it', () => {
    fc.assert(
      fc.property(almostHello, (bytes) => {
        return ['more', 'not_tls', 'invalid', 'done'].includes(parseClientHello(bytes).state);
      }),
      { numRuns },
    );
  }, 600_000);

  test('comes to the same end however the bytes are cut', () => {
    fc.assert(
      fc.property(almostHello, fc.array(fc.nat()), (bytes, cuts) => {
        const reader = new ClientHelloReader();
        const lengths = cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b);
        for (const length of lengths) {
          const parsed = reader.read(bytes.subarray(0, length));
          expect(parsed).toEqual(parseClientHello(bytes.subarray(0, length)));
          if (parsed.state !== 'more') return;
        }
        expect(reader.read(bytes)).toEqual(parseClientHello(bytes));
      }),
      { numRuns },
    );
  }, 600_000);

  // What the bound on time per input comes to, in steps that do not depend on the machine.
  test('takes at most two steps a byte for the costliest input, sent one byte at a time', () => {
    const hello = Buffer.alloc(HELLO_MAX_BYTES, Buffer.from('160301000101', 'hex'));
    Buffer.from('160301000101160301000100160301000130', 'hex').copy(hello);
    const reader = new ClientHelloReader();
    const steps = vi.spyOn(Buffer.prototype, 'readUInt16BE');
    const pieces = vi.spyOn(Buffer.prototype, 'copy');
    const inputs = Array.from(hello.keys(), (at) => hello.subarray(0, at));
    const slices = vi.spyOn(Buffer.prototype, 'subarray');
    for (const input of inputs) expect(reader.read(input).state).toBe('more');
    const count = steps.mock.calls.length + pieces.mock.calls.length + slices.mock.calls.length;
    vi.restoreAllMocks();
    expect(count).toBeGreaterThan(HELLO_MAX_BYTES / 6);
    expect(count).toBeLessThanOrEqual(2 * HELLO_MAX_BYTES);
  });
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
