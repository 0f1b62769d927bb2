/**
 * Exit codes: 0 done, 1 failed at run time, 2 bad usage or configuration, 3 the drain deadline
 * passed with connections open, 130 interrupted.
 *
 * @module
 */
import { BalancerError, ConfigFileError, EXIT } from '@balancer/kit';

/** Stopped by Ctrl-C. */
export const EXIT_INTERRUPTED = 130;

/** Bad usage; the message names the option. */
export class UsageError extends BalancerError {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

/** The code for an error that ends a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigFileError) return EXIT.usage;
  return EXIT.failed;
}
