import { describe, expect, test } from 'vitest';
import { readStatistics, summarizeLog } from '../src/verifier-log.ts';

const TAIL = [
  '; return data[20];',
  '130: (71) r0 = *(u8 *)(r1 +20)',
  'invalid access to packet, off=20 size=1, R1(id=0,off=20,r=0)',
  'R1 offset is outside of the packet',
  'processed 131 insns (limit 1000000) max_states_per_insn 0 total_states 1',
];

describe('summarizeLog', () => {
  test('finds the complaint, the source line and the instruction', () => {
    const summary = summarizeLog(TAIL.join('\n'));
    expect(summary).toMatchObject({
      reason: 'R1 offset is outside of the packet',
      source: 'return data[20];',
      instruction: 130,
    });
  });

  test('keeps a short log whole', () => {
    expect(summarizeLog(TAIL.join('\n')).excerpt).toBe(TAIL.slice(0, 4).join('\n'));
  });

  test('shortens a long one to the lines that matter and says how many are left out', () => {
    const noise = Array.from({ length: 100 }, (_, i) => `${i}: (07) r1 += 1`);
    const lines = summarizeLog([...noise, ...TAIL].join('\n')).excerpt.split('\n');
    expect(lines[0]).toBe('(92 lines omitted)');
    expect(lines).toHaveLength(13);
    expect(lines.slice(-4)).toEqual(TAIL.slice(0, 4));
  });

  test('keeps the source line even when it stands far above', () => {
    const noise = Array.from({ length: 100 }, (_, i) => `${i}: (07) r1 += 1`);
    const { excerpt } = summarizeLog(['; far away', ...noise, 'too bad'].join('\n'));
    expect(excerpt.split('\n').slice(0, 2)).toEqual(['(89 lines omitted)', '; far away']);
  });

  test('survives an empty log', () => {
    expect(summarizeLog('').reason).toBe('the kernel gave no reason');
  });
});

describe('readStatistics', () => {
  /** Opcode, registers, offset and immediate of one instruction. */
  const instruction = (opcode: number, source: number, immediate: number): number[] => {
    const bytes = new Uint8Array(8);
    bytes[0] = opcode;
    bytes[1] = source << 4;
    new DataView(bytes.buffer).setInt32(4, immediate, true);
    return [...bytes];
  };
  const EXIT = instruction(0x95, 0, 0);

  test('adds the stack along the deepest chain of calls', () => {
    const code = Uint8Array.from([
      ...instruction(0x85, 1, 4), // 0: call function at 5
      ...instruction(0x18, 4, 4), // 1: call-back at 6
      ...instruction(0, 0, 0),
      ...instruction(0x85, 0, 6), // 3: a helper
      ...EXIT,
      ...EXIT, // 5: 8 bytes
      ...instruction(0x85, 1, 1), // 6: 24 bytes, calls 8
      ...EXIT,
      ...EXIT, // 8: 4 bytes
    ]);
    const log = 'time 91 usec\nstack depth 16+8+24+4\nprocessed 42 insns (limit 1000000)';
    expect(readStatistics(log, code)).toEqual({ processedInstructions: 42, stackBytes: 44 });
  });

  test('is undefined without statistics', () => {
    expect(readStatistics('nothing here', new Uint8Array())).toBeUndefined();
  });
});
