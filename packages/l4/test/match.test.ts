/** Rules: what people write, in its one form, and as the maps have it. */
import { formatIp, parseIp } from '@balancer/ebpf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fullRange,
  listedMatch,
  matchFamilies,
  matchOf,
  matchText,
  readMatch,
} from '../src/match.ts';
import { decodeRule, encodeRule, matchFilter, type PlaneRule } from '../src/match-map.ts';

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (number: bigint, length: number): Uint8Array =>
  new Uint8Array(Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex'));

/** Two addresses of a family, the lower first. */
const ends = fc
  .constantFrom(4 as const, 16 as const)
  .chain((length) =>
    fc
      .tuple(
        fc.constant(length),
        fc.bigInt({ min: 0n, max: 2n ** BigInt(length * 8) - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** BigInt(length * 8) - 1n }),
      )
      .map(([bytes, a, b]) => ({ length: bytes, low: a < b ? a : b, high: a < b ? b : a })),
  );
const ports = fc
  .tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

describe('a range of a rule', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0-10.255.255.255:0-0'],
    ['10.1.2.3/8', '10.0.0.0-10.255.255.255:0-0'],
    ['192.168.0.1', '192.168.0.1-192.168.0.1:0-0'],
    ['192.168.0.1-192.168.0.9:80', '192.168.0.1-192.168.0.9:80-80'],
    ['192.168.0.1:1-1024', '192.168.0.1-192.168.0.1:1-1024'],
    ['0.0.0.0:1-1024', ':1-1024'],
    ['0.0.0.0-0.0.0.0:0-0', ''],
    ['0.0.0.0/0', ''],
    [':53', ':53-53'],
    ['2001:db8::/32', '[2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:0-0'],
    ['[2001:db8::1-2001:db8::9]:80-81', '[2001:db8::1-2001:db8::9]:80-81'],
    ['[2001:db8::1]', '[2001:db8::1-2001:db8::1]:0-0'],
    ['2001:db8::1-2001:db8::9', '[2001:db8::1-2001:db8::9]:0-0'],
    ['::/0', ''],
  ])('%s has the form "%s"', (given, form) => {
    const { src } = matchOf({ srcRange: given });
    expect(src).toBe(form);
    expect(matchOf({ srcRange: src }).src).toBe(form);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.9-10.0.0.1',
    '10.0.0.1-2001:db8::1',
    '10.0.0.1:9-1',
    '10.0.0.1:65536',
    '10.0.0',
    '10.0.0.1-10.0.0.2-10.0.0.3',
    '[10.0.0.1',
    ':',
    'office',
    '10.0.0.0/8/8',
    '10.0.0.1-',
    '0.0.0.0/32',
    '::/128',
  ])('%s is none', (given) => {
    expect(() => matchOf({ srcRange: given })).toThrow(/is no range|does not ascend/);
  });

  test('of any prefix holds exactly the addresses with its first bits', () => {
    fc.assert(
      fc.property(ends, fc.nat(), ({ length, low }, n) => {
        const bits = n % (length * 8 + 1);
        fc.pre(low > 0n || bits < length * 8);
        const text = `${formatIp(toBytes(low, length))}/${bits}`;
        const family = length === 4 ? 4 : 6;
        const range = fullRange(matchOf({ srcRange: text }).src, family);
        const free = BigInt(length * 8 - bits);
        expect(toNumber(range.first)).toBe((low >> free) << free);
        expect(toNumber(range.last)).toBe(((low >> free) << free) + 2n ** free - 1n);
        expect(matchFamilies({ srcRange: text })).toEqual([family]);
      }),
    );
  });

  test('comes back from the bytes of the map as it was, whatever it is', () => {
    fc.assert(
      fc.property(ends, ends, ports, ports, (src, dst, sports, dports) => {
        const family: 4 | 6 = src.length === 4 ? 4 : 6;
        const { length } = src;
        const textOf = (low: bigint, high: bigint, p: readonly number[]): string => {
          const both = `${formatIp(toBytes(low, length))}-${formatIp(toBytes(high, length))}`;
          return `${length === 4 ? both : `[${both}]`}:${p.join('-')}`;
        };
        const shrunk = dst.length === length ? dst : { low: src.low, high: src.low };
        const match = matchOf({
          srcRange: textOf(src.low, src.high, sports),
          dstRange: textOf(shrunk.low, shrunk.high, dports),
          iif: 'eth0',
          oif: 'wan-123456789.0',
        });
        const rule: PlaneRule = {
          service: 7,
          protocol: 6,
          family,
          match,
          iif: 3,
          oif: 0xffff_ffff,
          isLeaving: true,
        };
        expect(decodeRule(encodeRule(rule))).toEqual([rule]);
        const text = matchText('tcp', family, match);
        expect(readMatch(text)).toEqual({ protocol: 'tcp', family, match });
      }),
    );
  });

  test('has its sources in the filter', () => {
    fc.assert(
      fc.property(ends, fc.bigInt({ min: 0n, max: 2n ** 128n }), ({ length, low, high }, n) => {
        const text = `${formatIp(toBytes(low, length))}-${formatIp(toBytes(high, length))}`;
        const match = matchOf({ srcRange: text });
        const rule = { service: 1, protocol: 6, match, iif: 0, oif: 0, isLeaving: false };
        const { words4, words6 } = matchFilter([{ ...rule, family: length === 4 ? 4 : 6 }]);
        const address = Buffer.from(toBytes(low + (n % (high - low + 1n)), length));
        const bit =
          length === 4
            ? address.readUInt16BE(0)
            : Math.imul(address.readUInt32LE(0), 0x9e37_79b1) >>> 16;
        const words = length === 4 ? words4 : words6;
        expect((words[bit >> 6]! >> BigInt(bit & 63)) & 1n).toBe(1n);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a filter of rules', () => {
  test('has no bit for sources of other networks', () => {
    const match = matchOf({ srcRange: '10.1.0.0/16' });
    const rule = { service: 1, protocol: 6, match, iif: 0, oif: 0, isLeaving: false };
    const { words4, words6 } = matchFilter([{ ...rule, family: 4 }]);
    const count = words4.reduce(
      (sum, word) => sum + word.toString(2).replaceAll('0', '').length,
      0,
    );
    expect(count).toBe(1);
    expect(words6.every((word) => word === 0n)).toBe(true);
    expect(matchFilter([]).words4.every((word) => word === 0n)).toBe(true);
  });
});

describe('a match', () => {
  test('is shown as DPVS shows it', () => {
    const words = { srcRange: '192.168.100.0-192.168.100.254', oif: 'eth1' };
    const match = matchOf(words);
    expect(matchText('icmp', 4, match)).toBe(
      'proto=icmp,src-range=192.168.100.0-192.168.100.254:0-0,oif=eth1',
    );
    expect(listedMatch('icmp', match)).toBe('icmp,from=192.168.100.0-192.168.100.254:0-0,oif=eth1');
  });

  test('names its family where no address does', () => {
    const match = matchOf({ dstRange: ':80', oif: 'eth1' });
    expect(matchText('tcp', 6, match)).toBe('af=ipv6,proto=tcp,dst-range=:80-80,oif=eth1');
    expect(readMatch('af=ipv6,proto=tcp,dst-range=:80-80').family).toBe(6);
    expect(readMatch('proto=udp').family).toBe(4);
    expect(matchText('icmpv6', 6, matchOf({ srcRange: '2001:db8::/64' }))).toBe(
      'proto=icmp,src-range=[2001:db8::-2001:db8::ffff:ffff:ffff:ffff]:0-0',
    );
  });

  test.each([
    ['proto=sctp', 'proto must be one of tcp, udp, icmp'],
    ['proto=tcp,color=blue', '"color" is no part of a match'],
    ['proto=tcp,proto=udp', '"proto" is there twice'],
    ['proto=tcp,src-range=10.0.0.1,dst-range=2001:db8::1', 'are of different families'],
    ['af=ipv6,proto=tcp,src-range=10.0.0.1', 'the addresses are not of ipv6'],
    ['af=inet,proto=tcp', 'af must be ipv4 or ipv6'],
    ['proto=icmp,dst-range=10.0.0.1:80', 'ICMP has no ports'],
    ['proto=tcp,oif=a name', 'is no name of an interface'],
    ['proto=tcp,oif=sixteen-letters-', 'is no name of an interface'],
  ])('%s is refused: %s', (text, reason) => {
    expect(() => readMatch(text)).toThrow(reason);
  });

  test('has the addresses that it was given', () => {
    expect(fullRange('', 6).last).toEqual(parseIp('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'));
  });
});
