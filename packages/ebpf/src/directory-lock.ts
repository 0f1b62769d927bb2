/**
 * A lock on a directory that ends with its process, however that ends. Works in a bpf file system too,
 * which has no ordinary files: whoever manages the objects pinned in a directory can lock just that.
 *
 * Source: flock(2).
 *
 * @module
 */
import { constants as fsConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import { SyscallError } from './errors.ts';
import { Handle } from './handle.ts';
import { native } from './native.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/** A lock that is held. Closing it lets go. */
export class DirectoryLock extends Handle {}

/**
 * Locks a directory against others who lock it.
 *
 * @returns `undefined` when another process, or another lock of this one, has it.
 * @throws {SyscallError} if the directory cannot be locked at all.
 */
export function lockDirectory(path: string): DirectoryLock | undefined {
  const fd = openSync(path, fsConstants.O_DIRECTORY);
  const lock = new DirectoryLock(fd, `lock on ${path}`);
  const { flock, errno } = native();
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return lock;
  const reason = errno();
  lock.close();
  if (reason === constants.errno.EWOULDBLOCK) return undefined;
  throw new SyscallError(`lock ${path}`, reason);
}
