/**
 * Names, texts and remedies of errno values.
 *
 * @module
 */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** Kernel-internal "operation not supported", which bpf(2) lets through to user space. */
export const ENOTSUPP = 524;

const NAMES = new Map<number, string>([[ENOTSUPP, 'ENOTSUPP']]);
for (const [name, value] of Object.entries(constants.errno)) {
  // EAGAIN and EWOULDBLOCK (EOPNOTSUPP and ENOTSUP) share a number; the first listed is the usual name.
  if (!NAMES.has(value)) NAMES.set(value, name);
}
NAMES.set(constants.errno.EAGAIN, 'EAGAIN');
NAMES.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');

const HINTS = new Map<number, string>([
  [
    constants.errno.EPERM,
    'run as root or grant CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (bpf(2) also refuses when kernel.unprivileged_bpf_disabled applies)',
  ],
  [constants.errno.E2BIG, 'the request is larger than the map, or this kernel is too old for it'],
  [constants.errno.ENOSYS, 'this kernel was built without bpf(2)'],
  [constants.errno.ENOMEM, 'raise the memory limit of the process or shrink max_entries'],
  [ENOTSUPP, 'this map or program type does not offer the operation'],
]);

/** Name of an errno, for example `EPERM`; `errno 999` for one that has no name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** Name and text, for example `EPERM (operation not permitted)`. */
export function describeErrno(errno: number): string {
  const text = getSystemErrorMap().get(-errno)?.[1];
  return text === undefined ? errnoName(errno) : `${errnoName(errno)} (${text})`;
}

/** What usually mends this error, when that can be said without knowing more. */
export function errnoHint(errno: number): string | undefined {
  return HINTS.get(errno);
}
