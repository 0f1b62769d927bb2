import { describe, expect, test } from 'vitest';
import { readObject } from '../src/object.ts';
import { objectBytes, selftestObject } from './support/objects.ts';

describe('readObject', () => {
  const object = selftestObject();

  test('takes the kind of each program from its section', () => {
    const kinds = [...object.programs.values()].map((p) => [p.name, p.section, p.type]);
    expect(kinds).toEqual([
      ['stage_two', 'xdp/stage_two', 'xdp'],
      ['compute', 'xdp', 'xdp'],
      ['record', 'xdp/record', 'xdp'],
      ['stage_one', 'xdp/stage_one', 'xdp'],
      ['table', 'xdp/table', 'xdp'],
      ['classify', 'tc', 'tc'],
      ['sum_in_kernel', 'syscall', 'syscall'],
      ['read_layout', 'syscall/core', 'syscall'],
    ]);
    expect(object.license).toBe('Dual MIT/GPL');
  });

  test('reads map definitions', () => {
    expect(object.maps.get('prefixes')).toMatchObject({
      type: 'lpmTrie',
      keySize: 8,
      valueSize: 4,
      maxEntries: 16,
      flags: 1,
      pinned: false,
    });
    expect(object.maps.get('kept')?.pinned).toBe(true);
    expect(object.maps.get('ports')).toMatchObject({
      type: 'devmapHash',
      keySize: 4,
      valueSize: 4,
    });
  });

  test('reads the inner maps and first values of maps of maps and program arrays', () => {
    expect(object.maps.get('tables')).toMatchObject({
      type: 'arrayOfMaps',
      valueSize: 4,
      inner: { type: 'array', keySize: 4, maxEntries: 2, flags: 0x1000 },
      initial: [{ index: 1, symbol: 'first_inner' }],
    });
    expect(object.maps.get('stages')?.initial).toEqual([{ index: 1, symbol: 'stage_two' }]);
  });

  test('reads variables and the sections that hold them', () => {
    expect(object.variables.get('threshold')).toMatchObject({
      map: '.rodata',
      size: 4,
      readOnly: true,
    });
    expect(object.variables.get('limit')).toMatchObject({ map: '.data', readOnly: false });
    expect(object.maps.get('.bss')).toMatchObject({ valueSize: 40, data: undefined });
    expect(object.maps.get('.rodata')).toMatchObject({ flags: 0x80, readOnly: true });
  });

  test('refuses a section that names no program type', () => {
    const renamed = replaceText(objectBytes('selftest'), 'syscall\0', 'sysfall\0');
    expect(() => readObject(renamed)).toThrow(/"sysfall.*" names no program type; known are xdp/);
  });

  test('refuses a map member it does not know', () => {
    const renamed = replaceText(objectBytes('selftest'), 'max_entries\0', 'min_entries\0');
    expect(() => readObject(renamed)).toThrow(/has the unknown member "min_entries"/);
  });
});

/** The bytes with every occurrence of a text replaced by another of the same length. */
function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  return new Uint8Array(Buffer.from(text.replaceAll(from, to), 'latin1'));
}
