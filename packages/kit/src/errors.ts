/**
 * The base of every error that Balancer throws on purpose, and the words for the operating
 * system's own errors.
 *
 * @module
 */

/**
 * An error meant for a person: its message says where, what is wrong and what is allowed or how to
 * mend it. `code` is for programs and never changes once published.
 */
export abstract class BalancerError extends Error {
  abstract readonly code: string;
}

/** Errno name of a system error (`ECONNREFUSED`), or null when the error carries none. */
export function errnoName(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** One line about anything that was thrown: its message, or its text when it is not an `Error`. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
