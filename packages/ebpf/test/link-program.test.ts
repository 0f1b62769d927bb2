import { describe, expect, test } from 'vitest';
import { CALL, LD_IMM64, PSEUDO_FUNC } from '../src/instruction.ts';
import { linkProgram } from '../src/link-program.ts';
import { selftestObject } from './support/objects.ts';

describe('linkProgram', () => {
  const object = selftestObject();
  const linked = linkProgram(object, object.programs.get('compute')!);
  const { instructions: code } = linked;

  test('appends each function that is reached once', () => {
    // compute, its call-back sum_up, add_twice, and add, which add_twice calls twice.
    expect(linked.functionInfo).toHaveLength(4);
    const starts = linked.functionInfo.map((f) => f.offset / 8);
    expect(starts[0]).toBe(0);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(new Set(starts).size).toBe(4);
  });

  test('points every call and call-back at the start of a function', () => {
    const starts = new Set(linked.functionInfo.map((f) => f.offset / 8));
    const targets: number[] = [];
    for (let i = 0; i < code.length; i++) {
      const isCallBack = code.opcode(i) === LD_IMM64 && code.source(i) === PSEUDO_FUNC;
      if (isCallBack || code.isLocalCall(i)) targets.push(i + code.immediate(i) + 1);
      if (code.opcode(i) === LD_IMM64) i++;
    }
    expect(targets).toHaveLength(4);
    expect(targets.every((target) => starts.has(target))).toBe(true);
  });

  test('lists the maps and variables that instructions refer to', () => {
    expect([...new Set(linked.maps.map((m) => m.map))].toSorted()).toEqual([
      '.bss',
      '.data',
      '.rodata',
      'array',
    ]);
    for (const { instruction } of linked.maps) expect(code.opcode(instruction)).toBe(LD_IMM64);
  });

  test('keeps a source line for the first instruction of every function', () => {
    const lines = new Set(linked.lineInfo.map((l) => l.offset));
    expect(linked.functionInfo.every((f) => lines.has(f.offset))).toBe(true);
  });

  test('leaves the object as it was', () => {
    const again = linkProgram(object, object.programs.get('compute')!);
    expect(again.instructions.bytes).toEqual(code.bytes);
    expect(code.opcode(code.length - 1)).not.toBe(CALL);
  });
});
