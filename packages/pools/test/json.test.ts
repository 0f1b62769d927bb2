import fc from 'fast-check';
import { InputError } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import * as json from '../src/json.ts';

interface Shape {
  readonly name: 'a' | 'b';
  readonly amount: bigint;
  readonly delta: bigint;
  readonly list: readonly boolean[];
  readonly owner: string | null;
  readonly note?: string | undefined;
}

const shape: json.Codec<Shape> = json.versioned(
  json.object<Shape>({
    name: json.oneOf('a', 'b'),
    amount: json.uint(128),
    delta: json.int(64),
    list: json.array(json.flag, { most: 3 }),
    owner: json.nullable(json.hex(2)),
    note: json.optional(json.text),
  }),
);

const good = { v: 1, name: 'a', amount: '5', delta: '-7', list: [true], owner: '0x00ff' };

function messageOf(value: unknown): string {
  try {
    shape.decode(value, 'file');
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('a codec', () => {
  test('gives back what it wrote', () => {
    const value = fc.record({
      name: fc.constantFrom('a' as const, 'b' as const),
      amount: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
      delta: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
      list: fc.array(fc.boolean(), { maxLength: 3 }),
      owner: fc.constantFrom(null, '0x0000', '0xbeef'),
    });
    fc.assert(
      fc.property(value, (v) => {
        const written = JSON.parse(JSON.stringify(shape.encode(v))) as unknown;
        expect(shape.decode(written, 'file')).toEqual(v);
      }),
    );
  });

  test.each([
    [
      'an unknown member',
      { ...good, nmae: 'a' },
      'file.nmae: is not known here; known: name, amount',
    ],
    [
      'a member of a prototype',
      JSON.parse('{"v":1,"__proto__":{}}'),
      'file.__proto__: is not known here',
    ],
    ['a missing version', { ...good, v: undefined }, 'file.v: must be 1; got nothing'],
    [
      'a number for an integer',
      { ...good, amount: 5 },
      'file.amount: must be an integer as a decimal string; got 5',
    ],
    [
      'an integer past its bits',
      { ...good, amount: (1n << 128n).toString() },
      'file.amount: must be from 0 to',
    ],
    ['a negative amount', { ...good, amount: '-1' }, 'file.amount: must be from 0 to'],
    [
      'an exponent',
      { ...good, amount: '1e3' },
      'file.amount: must be an integer as a decimal string; got "1e3"',
    ],
    [
      'a word for a flag',
      { ...good, list: [true, 'yes'] },
      'file.list[1]: must be true or false; got "yes"',
    ],
    [
      'too long a list',
      { ...good, list: [true, true, true, true] },
      'file.list: must have at most 3 entries; got 4',
    ],
    [
      'upper-case hex',
      { ...good, owner: '0x00FF' },
      'file.owner: must be 0x and 4 lower-case hex digits',
    ],
    ['null for an object', null, 'file: must be an object; got null'],
  ])('refuses %s with its path', (_, value, message) => {
    expect(messageOf(value)).toContain(message);
  });

  test('a record keeps a member named __proto__ a member', () => {
    const record = json.record(json.text);
    const decoded = record.decode(JSON.parse('{"__proto__":"x"}'), 'file');
    expect(Object.keys(decoded)).toEqual(['__proto__']);
  });
});
