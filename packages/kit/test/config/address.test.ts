import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Address,
  createCidrMatcher,
  endpointAddress,
  formatAddress,
  isLoopback,
  listenOptions,
  parseAddress,
} from '../../src/index.ts';

const inet = (host: string, port: number): Address => ({ kind: 'inet', host, port });

describe('parseAddress', () => {
  test.each<[string, Address]>([
    ['0.0.0.0:3000', inet('0.0.0.0', 3000)],
    ['[::]:3000', inet('::', 3000)],
    [':3000', inet('', 3000)],
    ['db.example.com:0', inet('db.example.com', 0)],
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }],
  ])('reads %s', (text, address) => {
    expect(parseAddress(text)).toEqual({ ok: true, address });
  });

  test.each([
    ['127.0.0.1', 'needs "host:port"; got "127.0.0.1"'],
    ['::1:80', 'needs "host:port"; got "::1:80"'],
    ['[x]:80', 'needs "host:port"; got "[x]:80"'],
    ['[]:80', 'needs "host:port"; got "[]:80"'],
    ['h:', 'needs "host:port"; got "h:"'],
    ['h:80 ', 'needs "host:port"; got "h:80 "'],
    ['a b:80', 'needs "host:port"; got "a b:80"'],
    ['h:65536', 'port must be an integer from 0 to 65535; got 65536'],
    ['unix:x', 'needs "unix:" and an absolute path of at most 107 bytes; got "unix:x"'],
    [
      `unix:/${'x'.repeat(107)}`,
      `needs "unix:" and an absolute path of at most 107 bytes; got "unix:/${'x'.repeat(54)}..."`,
    ],
  ])('refuses %j', (text, message) => {
    expect(parseAddress(text)).toEqual({ ok: false, message });
  });

  test('reads back what formatAddress writes', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant(''));
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65_535 }), (name, port) => {
        const address = inet(name, port);
        expect(parseAddress(formatAddress(address))).toEqual({ ok: true, address });
      }),
    );
  });
});

test('endpointAddress wants a host and a port', () => {
  const message = (text: string) => endpointAddress().safeParse(text).error?.issues[0]?.message;
  expect(message(':80')).toBe('needs "host:port"; got ":80"');
  expect(message('h:0')).toBe('port must be an integer from 1 to 65535; got 0');
  expect(message('h:1')).toBeUndefined();
});

test('listenOptions opens both families for ":port" and one for "[::]:port"', () => {
  expect(listenOptions(inet('', 80))).toEqual({ host: '::', port: 80, ipv6Only: false });
  expect(listenOptions(inet('::', 80))).toEqual({ host: '::', port: 80, ipv6Only: true });
  expect(listenOptions({ kind: 'unix', path: '/x' })).toEqual({ path: '/x' });
});

test.each<[string, boolean]>([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['', false],
  ['127.0.0.1.example.com', false],
])('isLoopback of %j is %s', (host, expected) => {
  expect(isLoopback(inet(host, 1))).toBe(expected);
});

describe('createCidrMatcher', () => {
  const matches = createCidrMatcher(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']);

  test.each([
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['::ffff:10.0.0.1', true],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['not an address', false],
  ])('%s: %s', (ip, expected) => {
    expect(matches(ip)).toBe(expected);
  });

  test('agrees with arithmetic on 32-bit numbers', () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const dotted = (n: number) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.');
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 32 }), (network, ip, prefix) => {
        const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
        const expected = (network & mask) >>> 0 === (ip & mask) >>> 0;
        expect(createCidrMatcher([`${dotted(network)}/${prefix}`])(dotted(ip))).toBe(expected);
      }),
    );
  });

  test('throws on a network that is none', () => {
    expect(() => createCidrMatcher(['10.0.0.0/33'])).toThrow('not a network: "10.0.0.0/33"');
  });
});
