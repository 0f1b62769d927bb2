import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { countCpus } from '../src/cpu.ts';
import { SyscallError } from '../src/errors.ts';

const { EPERM, ENOENT } = constants.errno;

describe('SyscallError', () => {
  test('says what was tried, the errno by name, and how to mend it', () => {
    const error = new SyscallError('create map flows', EPERM);
    expect(error.message).toMatch(
      /^create map flows: EPERM \(operation not permitted\); run as root or grant CAP_BPF/,
    );
    expect(error).toMatchObject({ errno: EPERM, errnoName: 'EPERM', code: 'EBPF_SYSCALL' });
  });

  test('prefers what the kernel itself said', () => {
    const error = new SyscallError('add route', EPERM, 'Invalid prefix');
    expect(error.message).toBe('add route: EPERM (operation not permitted); Invalid prefix');
  });

  test('knows errors that libc does not', () => {
    expect(new SyscallError('walk map', 524).message).toBe(
      'walk map: ENOTSUPP; this map or program type does not offer the operation',
    );
    expect(new SyscallError('x', ENOENT).message).toBe('x: ENOENT (no such file or directory)');
    expect(new SyscallError('x', 999).errnoName).toBe('errno 999');
  });
});

describe('countCpus', () => {
  test.each([
    ['0\n', 1],
    ['0-1\n', 2],
    ['0-3,8-11\n', 12],
    ['0,2\n', 3],
  ])('counts %j as %d, by the highest number', (list, count) => {
    expect(countCpus(list)).toBe(count);
  });

  test('refuses what is no list', () => {
    expect(() => countCpus('all')).toThrow(/not a CPU list/);
  });
});
