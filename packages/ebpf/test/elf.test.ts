import { describe, expect, test } from 'vitest';
import { readElf, SHF_EXECINSTR, SHT_NOBITS } from '../src/elf.ts';
import { objectBytes } from './support/objects.ts';

describe('readElf', () => {
  test('lists sections with flags, sizes and contents', () => {
    const { sections } = readElf(objectBytes('selftest'));
    const xdp = sections.find((s) => s.name === 'xdp')!;
    expect(xdp.flags & SHF_EXECINSTR).toBe(SHF_EXECINSTR);
    expect(xdp.data).toHaveLength(xdp.size);
    const bss = sections.find((s) => s.name === '.bss')!;
    expect(bss).toMatchObject({ type: SHT_NOBITS, size: 40 });
    expect(bss.data).toHaveLength(0);
  });

  test('resolves the symbols of relocations', () => {
    const { sections } = readElf(objectBytes('packet-count'));
    const xdp = sections.find((s) => s.name === 'xdp')!;
    expect(xdp.relocations.map((r) => r.symbol.name)).toEqual(['counters']);
  });

  test.each([
    ['an empty file', () => new Uint8Array(), /not an ELF object/],
    ['text', () => new TextEncoder().encode('x'.repeat(100)), /not an ELF object/],
    ['a 32-bit object', () => patched(4, 1), /must be 64-bit little-endian/],
    ['a big-endian object', () => patched(5, 2), /must be 64-bit little-endian/],
    ['an object for x86-64', () => patched(18, 62), /machine 247\); got type 1, machine 62/],
    ['a truncated object', () => objectBytes('selftest').subarray(0, 5000), /needs \d+ bytes/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readElf(bytes())).toThrow(message);
  });
});

function patched(offset: number, value: number): Uint8Array {
  const bytes = objectBytes('selftest').slice();
  bytes[offset] = value;
  return bytes;
}
