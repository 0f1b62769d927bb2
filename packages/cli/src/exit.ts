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
  // The toolkit's own errors speak of what it was given.
  if (error instanceof Error && INPUT_CODES.has(String(Reflect.get(error, 'code'))))
    return EXIT.usage;
  return EXIT.failed;
}

/** Codes of errors about an experiment's file or a recording. */
const INPUT_CODES: ReadonlySet<string> = new Set(['SIMULATION']);
