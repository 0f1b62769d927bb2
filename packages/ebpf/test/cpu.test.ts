import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SyscallError } from '../src/errors.ts';
import { runOnCpu } from '../src/cpu.ts';

const allowed = (): string =>
  /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))![1]!;

describe('runOnCpu', () => {
  test('keeps the thread on one CPU for the time of the function', () => {
    const before = allowed();
    expect(runOnCpu(allowed)).toMatch(/^\d+$/);
    expect(allowed()).toBe(before);
  });

  test('says which CPU could not be had', () => {
    expect(() => runOnCpu(allowed, 1023)).toThrow(SyscallError);
    expect(() => runOnCpu(allowed, 1023)).toThrow('run on CPU 1023: EINVAL');
  });
});
