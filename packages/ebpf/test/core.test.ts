import { describe, expect, test } from 'vitest';
import { Btf } from '../src/btf.ts';
import { relocateCore } from '../src/core.ts';
import { Instructions } from '../src/instruction.ts';
import { selftestObject } from './support/objects.ts';

const btf = selftestObject().btf!;
const shapes = btf.find('shapes', 'struct')!;

/** Which instruction is patched, and for what. */
const LOAD_U32 = [0x61, 0x10, 0, 0, 0, 0, 0, 0];
const MOVE_IMMEDIATE = [0xb7, 0, 0, 0, 0, 0, 0, 0];
const FIELD_OFFSET = 0;
const FIELD_SIZE = 1;
const FIELD_EXISTS = 2;

function relocate(
  code: readonly number[],
  access: string,
  kind: number,
  target: Btf = btf,
): Instructions {
  const instructions = new Instructions(Uint8Array.from(code));
  const core = [{ offset: 0, type: shapes.id, access, kind }];
  relocateCore('test', { instructions, core }, { local: btf, target });
  return instructions;
}

/** The same types with the members of `shapes` at other places: each moved by 8 bytes. */
function shiftedBtf(): Btf {
  const bytes = btf.bytes.slice();
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < shapes.count; i++) {
    const at = shapes.at + 12 + i * 12 + 8;
    view.setUint32(at, view.getUint32(at, true) + 64, true);
  }
  return Btf.read(bytes);
}

/** The same types, but the struct has another name. */
function renamedBtf(): Btf {
  const bytes = btf.bytes.slice();
  new DataView(bytes.buffer).setUint32(shapes.at, 0, true);
  return Btf.read(bytes);
}

describe('relocateCore', () => {
  test('moves a load to where the target has the member', () => {
    // Member number 2 is `medium`, at byte 4.
    expect(relocate(LOAD_U32, '0:2', FIELD_OFFSET).offset(0)).toBe(4);
    expect(relocate(LOAD_U32, '0:2', FIELD_OFFSET, shiftedBtf()).offset(0)).toBe(12);
  });

  test('goes through arrays, structs and anonymous unions', () => {
    // pairs[1].high; then, in the anonymous struct, halves.high of the anonymous union.
    expect(relocate(MOVE_IMMEDIATE, '0:10:1:1', FIELD_OFFSET).immediate(0)).toBe(52);
    expect(relocate(MOVE_IMMEDIATE, '0:11:1:1:1', FIELD_OFFSET).immediate(0)).toBe(62);
  });

  test('indexes the root as an array', () => {
    expect(relocate(MOVE_IMMEDIATE, '2:2', FIELD_OFFSET).immediate(0)).toBe(2 * 72 + 4);
  });

  test('answers size and existence', () => {
    expect(relocate(MOVE_IMMEDIATE, '0:3', FIELD_SIZE).immediate(0)).toBe(8);
    expect(relocate(MOVE_IMMEDIATE, '0:3', FIELD_EXISTS).immediate(0)).toBe(1);
    expect(relocate(MOVE_IMMEDIATE, '0:3', FIELD_EXISTS, renamedBtf()).immediate(0)).toBe(0);
  });

  test('poisons what depends on something the target lacks', () => {
    const code = relocate(LOAD_U32, '0:2', FIELD_OFFSET, renamedBtf());
    expect(code.opcode(0)).toBe(0x85);
    expect(code.immediate(0)).toBe(0xbad2310);
  });

  test.each([
    ['0:99', FIELD_OFFSET, /struct shapes has no member number 99/],
    ['0:x', FIELD_OFFSET, /CO-RE access "0:x" is malformed/],
    ['0', 12, /relocation kind 12 is not supported/],
    ['0:3', FIELD_OFFSET, /accesses 4 bytes of a field that has 8 in the target/],
  ])('refuses access %s of kind %d', (access, kind, message) => {
    expect(() => relocate(LOAD_U32, access, kind)).toThrow(message);
  });
});
