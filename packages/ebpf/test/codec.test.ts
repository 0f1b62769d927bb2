import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codecOf, decode, encode } from '../src/codec.ts';
import { shapeOf } from '../src/shape.ts';
import type { Shapes } from '../bpf/objects/selftest.types.ts';
import { selftestObject } from './support/objects.ts';

const { btf } = selftestObject();
const shape = shapeOf(btf!, btf!.find('shapes', 'struct')!.id);
const codec = codecOf(shape);

const EXAMPLE: Shapes = {
  tiny: 0x11,
  small: -2,
  medium: 0xdead_beef,
  large: -3n,
  port: 80,
  address4: 0xc000_020a,
  flag: true,
  colour: 2,
  mac: Uint8Array.of(2, 0, 0, 0, 0, 0xc1),
  label: 'eth0',
  pairs: [
    { low: 1, high: 2 },
    { low: 3, high: 4 },
  ],
  inner_first: 5,
  whole: 0x0007_0006,
  halves: { low: 6, high: 7 },
  three_bits: 5,
  signed_bits: -16,
  wide_bits: 0xff_0000_0001n,
};

describe('codecOf', () => {
  test('writes members where the compiler puts them', () => {
    // Byte for byte what clang lays out: __be16 80 is 0050, bit fields share the last 8 bytes.
    expect(Buffer.from(encode(codec, EXAMPLE)).toString('hex')).toBe(
      [
        '1100feffefbeadde', // tiny, hole, small, medium
        'fdffffffffffffff', // large
        '00500000c000020a', // port, hole, address4
        '0100000002000000', // flag, hole, colour
        '0200000000c1', // mac
        '6574683000000000', // label
        '0100020003000400', // pairs
        '0000', // hole
        '05000000', // inner_first
        '06000700', // whole and halves
        '8501000000ff0000', // three_bits 101, signed_bits 10000, wide_bits
      ].join(''),
    );
  });

  test('reads back what it wrote', () => {
    expect(decode(codec, encode(codec, EXAMPLE))).toEqual(EXAMPLE);
  });

  test('gives back every value that fits (property)', () => {
    const arbitrary = fc.record({
      tiny: fc.integer({ min: 0, max: 255 }),
      small: fc.integer({ min: -32_768, max: 32_767 }),
      medium: fc.integer({ min: 0, max: 0xffff_ffff }),
      large: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      port: fc.integer({ min: 0, max: 65_535 }),
      address4: fc.integer({ min: 0, max: 0xffff_ffff }),
      flag: fc.boolean(),
      colour: fc.integer({ min: 0, max: 0xffff_ffff }),
      mac: fc.uint8Array({ minLength: 6, maxLength: 6 }),
      label: fc.stringMatching(/^[a-z0-9]{0,7}$/),
      inner_first: fc.integer({ min: 0, max: 0xffff_ffff }),
      three_bits: fc.integer({ min: 0, max: 7 }),
      signed_bits: fc.integer({ min: -16, max: 15 }),
      wide_bits: fc.bigInt({ min: 0n, max: 2n ** 40n - 1n }),
    });
    fc.assert(
      fc.property(arbitrary, (value) => {
        const full = { ...EXAMPLE, ...value };
        expect(decode(codec, encode(codec, full))).toEqual(full);
      }),
    );
  });

  test('decodes any bytes and writes them back to the same value (property)', () => {
    const bytes = fc.uint8Array({ minLength: codec.size, maxLength: codec.size });
    fc.assert(
      fc.property(bytes, (given) => {
        // A string of 8 bytes without NUL and a boolean beyond 1 have no equal encoding.
        given[24] = 1;
        given.fill(0, 38, 46);
        const value = decode(codec, given);
        expect(decode(codec, encode(codec, value))).toEqual(value);
      }),
    );
  });

  test.each([
    [{ tiny: 256 }, '.tiny must be an integer from 0 to 255; got 256'],
    [{ small: 1.5 }, '.small must be an integer from -32768 to 32767; got 1.5'],
    [{ large: 1 }, '.large must be a bigint of 64 bits, signed; got 1'],
    [{ mac: new Uint8Array(5) }, '.mac must be a Uint8Array of 6 bytes; got Uint8Array of 5'],
    [
      { label: 'too long!' },
      '.label must be a string of at most 7 bytes without NUL; got "too long!"',
    ],
    [{ pairs: [{ low: 1, high: 2 }] }, '.pairs must be an array of 2 values; got Array of 1'],
    [{ pairs: [{ low: 1, high: 2 }, { low: 1 }] }, '.pairs[1].high is missing'],
    [{ three_bits: 8 }, '.three_bits must be a bigint of 3 bits; got 8n'],
    [{ colour: undefined }, '.colour is missing'],
    [{ flag: 1 }, '.flag must be a boolean; got 1'],
  ])('refuses %j and names the member', (change, message) => {
    expect(() => encode(codec, { ...EXAMPLE, ...change })).toThrow(message);
  });

  test('refuses members that the struct does not have', () => {
    expect(() => encode(codec, { ...EXAMPLE, medum: 1 })).toThrow(
      /has no member medum; its members/,
    );
  });

  test('leaves out members of a union that are not given', () => {
    const { whole: _, ...rest } = EXAMPLE;
    expect(decode(codec, encode(codec, rest))).toMatchObject({ whole: 0x0007_0006 });
  });
});
