import { describe, expect, test } from 'vitest';
import { checksum, gratuitousFrame, parseIp, pseudoHeader, readFrame } from '../src/index.ts';

const MAC = '02:00:00:00:00:01';

describe('a gratuitous frame', () => {
  test('of IPv4 is an ARP announcement', () => {
    expect(Buffer.from(gratuitousFrame('10.0.0.50', MAC)).toString('hex')).toBe(
      [
        'ffffffffffff',
        '020000000001',
        '0806',
        '0001080006040001',
        '020000000001',
        '0a000032',
        '000000000000',
        '0a000032',
      ].join(''),
    );
  });

  test('of IPv6 is an unsolicited neighbour advertisement that overrides, to all nodes', () => {
    const frame = gratuitousFrame('2001:db8::50', MAC);
    const hex = Buffer.from(frame).toString('hex');
    expect(hex.slice(0, 28)).toBe('33330000000102000000000186dd');
    expect(hex.slice(108)).toMatch(
      /^8800[\da-f]{4}20000000(20010db8000000000000000000000050)0201020000000001$/,
    );
    expect(readFrame(frame).get('ip.hop')).toBe('255');
    const message = frame.subarray(54);
    const ends = [parseIp('2001:db8::50'), parseIp('ff02::1')] as const;
    const pseudo = pseudoHeader(...ends, { protocol: 58, length: message.length });
    expect(checksum([pseudo, message])).toBe(0);
  });
});
