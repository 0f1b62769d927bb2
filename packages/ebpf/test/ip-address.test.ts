import * as fc from 'fast-check';
import { isIPv6 } from 'node:net';
import { describe, expect, test } from 'vitest';
import { formatIp, formatMac, parseIp, parseMac, tryParseIp } from '../src/ip-address.ts';

describe('addresses', () => {
  test.each([
    ['192.0.2.10', 'c000020a'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(30)}01`],
    ['2001:db8:c::10', '20010db8000c00000000000000000010'],
    ['::ffff:192.0.2.10', '00000000000000000000ffffc000020a'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::', 'fe800000000000000000000000000000'],
  ])('reads and writes %s', (text, hex) => {
    expect(Buffer.from(parseIp(text)).toString('hex')).toBe(hex);
    expect(formatIp(parseIp(text))).toBe(text);
  });

  test('writes the first of the longest runs of zeros as "::" (RFC 5952)', () => {
    expect(formatIp(parseIp('2001:0:0:1:0:0:0:1'))).toBe('2001:0:0:1::1');
    expect(formatIp(parseIp('2001:db8:0:1:1:1:1:1'))).toBe('2001:db8:0:1:1:1:1:1');
    expect(formatIp(parseIp('1:0:0:2:0:0:3:4'))).toBe('1::2:0:0:3:4');
  });

  test('writes what it can read again (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = formatIp(bytes);
        expect(isIPv6(text)).toBe(true);
        expect(parseIp(text)).toEqual(bytes);
      }),
    );
  });

  test('reads every notation that fast-check knows (property)', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(parseIp(formatIp(parseIp(text)))).toEqual(parseIp(text));
      }),
    );
  });

  test.each(['', '1.2.3', '1.2.3.256', 'fe80::1%eth0', 'example.org', '::ffff:1.2.3'])(
    'refuses %j',
    (text) => {
      expect(tryParseIp(text)).toBeUndefined();
      expect(() => parseIp(text)).toThrow(/not an IP address/);
    },
  );

  test('reads and writes MAC addresses', () => {
    expect(formatMac(parseMac('02:00:00:00:00:C1'))).toBe('02:00:00:00:00:c1');
    expect(() => parseMac('2:0:0:0:0:1')).toThrow(/not a MAC address/);
  });
});
