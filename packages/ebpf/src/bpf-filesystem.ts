/**
 * The bpf file system, where objects are pinned.
 *
 * @module
 */
import { mkdirSync, statfsSync } from 'node:fs';
import { SyscallError } from './errors.ts';
import { Memory } from './memory.ts';
import { native } from './native.ts';

const BPF_FS_MAGIC = 0xcafe4a11;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;

/** Whether a directory lies in a bpf file system; false if it does not exist. */
export function isBpfFilesystem(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/**
 * Mounts a bpf file system, making the directory first; nothing happens if there is one.
 *
 * @returns Whether it was mounted now.
 * @throws {SyscallError} if the kernel refuses.
 */
export function mountBpfFilesystem(path: string): boolean {
  if (isBpfFilesystem(path)) return false;
  mkdirSync(path, { recursive: true });
  const type = Memory.cString('bpf');
  const target = Memory.cString(path);
  const options = Memory.cString('mode=0700');
  const { mount, errno } = native();
  const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const result = mount(type.address, target.address, type.address, flags, options.address);
  if (result < 0) throw new SyscallError(`mount a bpf file system on ${path}`, errno());
  return true;
}

/** Unmounts it; pinned objects in it that nothing else holds are gone. */
export function unmountBpfFilesystem(path: string): void {
  const target = Memory.cString(path);
  const { umount, errno } = native();
  if (umount(target.address, 0) < 0) throw new SyscallError(`unmount ${path}`, errno());
}
