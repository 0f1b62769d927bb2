import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/proxy-protocol/crc32c.ts';
import type { ProxyEndpoints } from '../../src/proxy-protocol/header.ts';
import { bytesToIp, ipToBytes } from '../../src/proxy-protocol/ip-bytes.ts';
import { parseProxyHeader, type ProxyParse } from '../../src/proxy-protocol/parse.ts';
import { writeProxyV1, writeProxyV2, writeProxyV2Local } from '../../src/proxy-protocol/write.ts';

const V4: ProxyEndpoints = {
  source: { ip: '192.168.0.1', port: 56_324 },
  destination: { ip: '192.168.0.11', port: 443 },
};
const V6: ProxyEndpoints = {
  source: { ip: '2001:db8::1', port: 56_324 },
  destination: { ip: '2001:db8::2', port: 443 },
};
const SIGNATURE = '0d0a0d0a000d0a515549540a';

/** Header, what wrote it, and what it says. */
type Vector = [name: string, hex: string, written: Buffer, endpoints: ProxyEndpoints | undefined];

const VECTORS: Vector[] = [
  [
    'v1 TCP4',
    '50524f58592054435034203139322e3136382e302e31203139322e3136382e302e3131203536333234203434330d0a',
    writeProxyV1(V4),
    V4,
  ],
  ['v2 TCP4', `${SIGNATURE}2111000cc0a80001c0a8000bdc0401bb`, writeProxyV2(V4), V4],
  [
    'v2 UDP4',
    `${SIGNATURE}2112000cc0a80001c0a8000bdc0401bb`,
    writeProxyV2(V4, { transport: 'datagram' }),
    V4,
  ],
  [
    'v2 TCP6',
    `${SIGNATURE}2121002420010db800000000000000000000000120010db8000000000000000000000002dc0401bb`,
    writeProxyV2(V6),
    V6,
  ],
  ['v2 LOCAL', `${SIGNATURE}20000000`, writeProxyV2Local(), undefined],
  [
    'v2 TCP4 with CRC-32C',
    `${SIGNATURE}21110013c0a80001c0a8000bdc0401bb0300041c1ae9c6`,
    writeProxyV2(V4, { checksum: true }),
    V4,
  ],
  [
    'v2 TCP4 with CRC-32C and authority',
    `${SIGNATURE}21110021c0a80001c0a8000bdc0401bb030004cc5bc66b02000b6578616d706c652e636f6d`,
    writeProxyV2(V4, { checksum: true, tlvs: { authority: 'example.com' } }),
    V4,
  ],
];

describe('PROXY protocol', () => {
  test.each(VECTORS)('%s is written byte for byte', (_name, hex, written) => {
    expect(written.toString('hex')).toBe(hex);
  });

  test.each(VECTORS)(
    '%s is read one byte at a time, and no byte after it',
    (_name, hex, _w, endpoints) => {
      const header = Buffer.from(hex, 'hex');
      for (let length = 0; length < header.length; length++) {
        expect(parseProxyHeader(header.subarray(0, length), 'any')).toEqual({ state: 'more' });
      }
      const parsed = parseProxyHeader(Buffer.concat([header, Buffer.from('payload')]), 'any');
      expect(parsed).toMatchObject({ state: 'done', headerBytes: header.length });
      expect(endpointsOf(parsed)).toEqual(endpoints);
    },
  );

  test.each([
    ['v1 without a line break in 107 bytes', Buffer.from(`PROXY TCP4 ${'1'.repeat(100)}`)],
    ['v1 with a lone line feed', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n')],
    ['TCP4 with an IPv6 address', Buffer.from('PROXY TCP4 ::1 ::2 1 2\r\n')],
    ['port 65536', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.5 65536 2\r\n')],
    ['a leading zero in an address', Buffer.from('PROXY TCP4 01.2.3.4 1.2.3.5 1 2\r\n')],
    ['a leading zero in a port', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n')],
    ['another protocol', Buffer.from('GET / HTTP/1.0\r\n')],
    ['v2 version 1', fromHex('1111000cc0a80001c0a8000bdc0401bb')],
    ['v2 version 3', fromHex('3111000cc0a80001c0a8000bdc0401bb')],
    ['v2 command 2', fromHex('2211000cc0a80001c0a8000bdc0401bb')],
    ['v2 family 4', fromHex('2141000cc0a80001c0a8000bdc0401bb')],
    ['v2 transport 3', fromHex('2113000cc0a80001c0a8000bdc0401bb')],
    ['v2 addresses cut short', fromHex('2111000bc0a80001c0a8000bdc0401')],
    ['v2 field that runs past the end', fromHex('21110010c0a80001c0a8000bdc0401bb02000b65')],
    ['v2 wrong checksum', fromHex('21110013c0a80001c0a8000bdc0401bb0300041c1ae9c7')],
  ])('%s is refused', (_name, bytes) => {
    expect(parseProxyHeader(bytes, 'any').state).toBe('invalid');
  });

  test('a version that is not expected is refused at its first byte', () => {
    expect(parseProxyHeader(Buffer.from('P'), 'v2').state).toBe('invalid');
    expect(parseProxyHeader(Buffer.from([0x0d]), 'v1').state).toBe('invalid');
  });

  test('UNKNOWN and unspecified addresses mean those of the socket', () => {
    const unknown = parseProxyHeader(Buffer.from('PROXY UNKNOWN ::1 anything\r\n'), 'v1');
    expect(unknown).toMatchObject({ state: 'done', headerBytes: 28 });
    expect(endpointsOf(unknown)).toBeUndefined();
    expect(endpointsOf(parseProxyHeader(writeProxyV2(undefined), 'v2'))).toBeUndefined();
    expect(writeProxyV1(undefined).toString()).toBe('PROXY UNKNOWN\r\n');
  });

  test('unknown fields are skipped and known ones read', () => {
    const header = writeProxyV2(V6, {
      checksum: true,
      tlvs: { authority: 'db.example', alpn: 'h2', uniqueId: Uint8Array.of(1, 2, 3) },
    });
    const parsed = parseProxyHeader(header, 'v2');
    expect(parsed).toMatchObject({
      header: { tlvs: { authority: 'db.example', alpn: 'h2', uniqueId: Uint8Array.of(1, 2, 3) } },
    });
  });

  test('what is written is read back', () => {
    const endpoint = (ip: fc.Arbitrary<string>): fc.Arbitrary<{ ip: string; port: number }> =>
      fc.record({ ip, port: fc.integer({ min: 0, max: 65_535 }) });
    const pair = (ip: fc.Arbitrary<string>): fc.Arbitrary<ProxyEndpoints> =>
      fc.record({ source: endpoint(ip), destination: endpoint(ip) });
    fc.assert(
      fc.property(fc.oneof(pair(fc.ipV4()), pair(fc.ipV6())), (endpoints) => {
        for (const header of [
          writeProxyV1(endpoints),
          writeProxyV2(endpoints, { checksum: true }),
        ]) {
          const read = endpointsOf(parseProxyHeader(header, 'any'))!;
          expect(ipToBytes(read.source.ip)).toEqual(ipToBytes(endpoints.source.ip));
          expect(read.destination.port).toBe(endpoints.destination.port);
        }
      }),
    );
  });

  test('random and mutated bytes neither crash nor hang the parser', () => {
    const runs = process.env['BALANCER_TEST_LONG'] ? 1_000_000 : 2000;
    const mutated = fc
      .tuple(fc.constantFrom(...VECTORS.map(([, hex]) => hex)), fc.nat(), fc.nat(255))
      .map(([hex, at, value]) => {
        const bytes = Buffer.from(hex, 'hex');
        bytes[at % bytes.length] = value;
        return bytes;
      });
    const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        const { state } = parseProxyHeader(bytes, 'any');
        return state === 'more' || state === 'invalid' || state === 'done';
      }),
      { numRuns: runs },
    );
  }, 600_000);
});

test('crc32c matches its published check values', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
});

test.each([
  ['::', '::'],
  ['::1', '::1'],
  ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['192.0.2.1', '192.0.2.1'],
])('%s as bytes and back is %s', (text, canonical) => {
  expect(bytesToIp(ipToBytes(text)!)).toBe(canonical);
});

function fromHex(hex: string): Buffer {
  return Buffer.from(SIGNATURE + hex, 'hex');
}

function endpointsOf(parsed: ProxyParse): ProxyEndpoints | undefined {
  return parsed.state === 'done' ? parsed.header.endpoints : undefined;
}
