/**
 * What the kernel knows of the machine's clock.
 *
 * @module
 */
import { SyscallError } from './errors.ts';
import { Memory } from './memory.ts';
import { native } from './native.ts';

/** `struct timex` on 64-bit machines; mode 0 changes nothing. */
const TIMEX_BYTES = 208;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;

/**
 * Whether something keeps the clock right, such as chrony or systemd-timesyncd (adjtimex(2)).
 *
 * @throws {SyscallError} if the kernel does not tell.
 */
export function isClockKept(): boolean {
  const timex = new Memory(TIMEX_BYTES);
  const { adjtimex, errno } = native();
  if (adjtimex(timex.address) < 0) throw new SyscallError('read the state of the clock', errno());
  return (timex.view.getInt32(STATUS_AT, true) & STA_UNSYNC) === 0;
}
