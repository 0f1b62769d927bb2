/**
 * Exit codes: 0 done, 1 failed at run time, 2 bad usage or configuration, 3 the drain deadline
 * passed with connections open or, of the gateway, its data are another process's, 4 the gateway's
 * data are a newer program's, 130 interrupted.
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

const GATEWAY_CODES: Readonly<Record<string, number>> = {
  BBB_ENVIRONMENT: EXIT.usage,
  DATA_LOCKED: 3,
  SCHEMA_TOO_NEW: 4,
};

/** The code for an error that ends a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigFileError) return EXIT.usage;
  // By code: the gateway is loaded only by the commands that need it.
  const code = error instanceof BalancerError ? GATEWAY_CODES[error.code] : undefined;
  return code ?? EXIT.failed;
}
