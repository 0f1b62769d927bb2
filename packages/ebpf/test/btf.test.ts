import { describe, expect, test } from 'vitest';
import { Btf } from '../src/btf.ts';
import { selftestObject } from './support/objects.ts';

describe('Btf', () => {
  const btf = selftestObject().btf!;

  test('finds types by name and kind', () => {
    const shapes = btf.find('shapes', 'struct')!;
    expect(btf.members(shapes).map((m) => m.name)).toContain('wide_bits');
    expect(btf.find('shapes', 'variable')?.kind).toBe('variable');
    expect(btf.find('shapes', 'union')).toBeUndefined();
  });

  test('knows sizes through typedefs, arrays and pointers', () => {
    const shapes = btf.find('shapes', 'struct')!;
    const size = (name: string): number =>
      btf.sizeOf(btf.members(shapes).find((m) => m.name === name)!.type);
    expect(['tiny', 'port', 'large', 'mac', 'label', 'pairs'].map(size)).toEqual([
      1, 2, 8, 6, 8, 8,
    ]);
    expect(btf.sizeOf(shapes.id)).toBe(72);
  });

  test('reads the offsets and widths of bit fields', () => {
    const members = btf.members(btf.find('shapes', 'struct')!);
    const bits = members.filter((m) => m.bitSize > 0).map((m) => [m.name, m.bitSize]);
    expect(bits).toEqual([
      ['three_bits', 3],
      ['signed_bits', 5],
      ['wide_bits', 40],
    ]);
  });

  test('reads enum values', () => {
    const values = btf.enumValues(btf.find('xdp_action', 'enum') ?? btf.find('colour', 'enum')!);
    expect(values[0]!.name).toMatch(/RED|XDP_ABORTED/);
  });

  test('has no size for functions', () => {
    const prototype = [...btf.types()].find((t) => t.kind === 'prototype')!;
    expect(() => btf.sizeOf(prototype.id)).toThrow(/has no size/);
  });

  test.each([
    ['nothing', new Uint8Array(), /magic number eb9f/],
    ['a wrong magic number', new Uint8Array(24), /magic number eb9f/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => Btf.read(bytes)).toThrow(message);
  });

  test('refuses a typedef that refers to itself', () => {
    const looped = btf.bytes.slice();
    const typedef = [...btf.types()].find((t) => t.kind === 'typedef')!;
    new DataView(looped.buffer).setUint32(typedef.at + 8, typedef.id, true);
    expect(() => Btf.read(looped).resolve(typedef.id)).toThrow(/refers to itself/);
  });

  test('refuses an id that no type has', () => {
    expect(() => btf.type(1_000_000)).toThrow(/no type with id 1000000/);
  });
});
