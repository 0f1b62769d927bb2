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
  test('adds the stack of all functions on the way', () => {
    const log = 'verification time 91 usec\nstack depth 16+8\nprocessed 42 insns (limit 1000000)';
    expect(readStatistics(log)).toEqual({ processedInstructions: 42, stackBytes: 24 });
  });

  test('is undefined without statistics', () => {
    expect(readStatistics('nothing here')).toBeUndefined();
  });
});
