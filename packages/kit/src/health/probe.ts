/**
 * The inside of a health check: a probe that resolves when the target works, and rejects with the
 * reason when it does not.
 *
 * @module
 */
import { BalancerError, errnoName, messageOf } from '../errors.ts';

/** Resolves when the target works. Ends with `signal.reason` when `signal` aborts. */
export type Probe = (signal: AbortSignal) => Promise<void>;

/** A health check that cannot be made from its description. */
export class CheckSpecError extends BalancerError {
  override readonly name = 'CheckSpecError';
  readonly code = 'CHECK_SPEC';
}

/** The target does not work; the message is the reason that people read. */
export class CheckFailure extends BalancerError {
  override readonly name = 'CheckFailure';
  readonly code = 'CHECK_FAILURE';

  /** The reason behind anything a probe rejected with. */
  static reasonOf(error: unknown): string {
    if (error instanceof CheckFailure) return error.message;
    const errno = errnoName(error);
    return (errno === null ? undefined : REASONS[errno]) ?? errno ?? messageOf(error);
  }
}

/** The target did not answer in time. */
export class CheckTimeout extends CheckFailure {
  constructor(timeoutMs: number) {
    super(`timeout after ${timeoutMs} ms`);
  }
}

/** System errors in words; the others keep their name. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed by the server',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  EADDRNOTAVAIL: 'no local address or port available (EADDRNOTAVAIL)',
  EMFILE: 'too many open files (EMFILE)',
  ENFILE: 'too many open files in the system (ENFILE)',
  ENOENT: 'no such socket (ENOENT)',
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'name server does not answer',
};
