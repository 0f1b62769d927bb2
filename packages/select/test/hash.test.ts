import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hash } from '../src/index.ts';
import { fnv1Key, murmur3Key } from '../src/key-hash.ts';

const SEED = 0x9747b28c;
const FOX = 'The quick brown fox jumps over the lazy dog';

describe('murmur3', () => {
  test.each([
    ['', 0, 0x00000000],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', SEED, 0x7fa09ea6],
    ['aaaa', SEED, 0x5a97808a],
    ['abc', 0, 0xb3dd93fa],
    ['Hello, world!', SEED, 0x24884cba],
    ['hello', 0, 0x248bfa47],
    [FOX, SEED, 0x2fa826cd],
    ['\u03C0'.repeat(8), SEED, 0xd58063c1],
    ['127.0.0.1', 0, 0x0b1f854a],
    ['\u{1F600}', 0, 0xbeb42efa],
  ])('of %j with seed %i is the known %i', (text, seed, expected) => {
    expect(hash.murmur3(text, seed)).toBe(expected);
  });

  test('reads strings as the bytes that a UTF-8 encoder writes, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, seed) => {
        expect(hash.murmur3(text, seed)).toBe(murmur3OfBytes(new TextEncoder().encode(text), seed));
      }),
    );
  });

  test.each([
    ['\ud800', '\ufffd'],
    ['a\udc00b', 'a\ufffdb'],
    ['abc\ud83d', 'abc\ufffd'],
    ['\ud83d\ud83d\ude00', '\ufffd\u{1F600}'],
    ['\udfff\ud800', '\ufffd\ufffd'],
  ])('reads the lone surrogates of %j as U+FFFD', (lone, wellFormed) => {
    expect(hash.murmur3(lone, 7)).toBe(hash.murmur3(wellFormed, 7));
    expect(hash.fnv1a32(lone)).toBe(hash.fnv1a32(wellFormed));
  });
});

describe('FNV', () => {
  test.each([
    ['', 0x811c9dc5, 0x811c9dc5],
    ['a', 0xe40c292c, 0x050c5d7e],
    ['foobar', 0xbf9cf968, 0x31f0b262],
    ['127.0.0.1', 0x08a3d11e, 0x0a3cffd8],
    ['\u00E9', 0x1e9de8c1, 0xce77c1fd],
    ['client-1', 0xbaf8a8e8, 0xf3df2616],
  ])('of %j is the known pair', (text, fnv1a, fnv1) => {
    expect(hash.fnv1a32(text)).toBe(fnv1a);
    expect(hash.fnv1_32(text)).toBe(fnv1);
  });
});

describe('hashes of keys', () => {
  test('treat a number as its decimal string', () => {
    const numbers = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }),
      fc.constantFrom(0, -0, -1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, NaN, Infinity),
    );
    fc.assert(
      fc.property(numbers, fc.nat(), (value, seed) => {
        expect(murmur3Key(value, seed)).toBe(murmur3Key(String(value), seed));
        expect(fnv1Key(value)).toBe(fnv1Key(String(value)));
      }),
    );
  });
});

/** MurmurHash3 x86 32 over bytes, written apart from the one under test, with exact integers. */
function murmur3OfBytes(bytes: Uint8Array, seed: number): number {
  const mask = 0xffffffffn;
  const rotl = (value: bigint, by: bigint): bigint =>
    ((value << by) | (value >> (32n - by))) & mask;
  const scramble = (word: bigint): bigint =>
    (rotl((word * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask;
  let h = BigInt(seed >>> 0);
  const whole = bytes.length - (bytes.length % 4);
  for (let i = 0; i < whole; i += 4) {
    let word = 0n;
    for (let k = 3; k >= 0; k--) word = (word << 8n) | BigInt(bytes[i + k]!);
    h = (rotl(h ^ scramble(word), 13n) * 5n + 0xe6546b64n) & mask;
  }
  let tail = 0n;
  for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8n) | BigInt(bytes[i]!);
  h ^= scramble(tail) ^ BigInt(bytes.length);
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask;
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask;
  return Number(h ^ (h >> 16n));
}
