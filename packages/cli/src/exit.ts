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

/** Codes of errors that have an exit code of their own. */
const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  // An experiment's file or a recording.
  SIMULATION: EXIT.usage,
  KEEPALIVED_SYNTAX: EXIT.usage,
  // The gateway's variables and its data.
  BBB_ENVIRONMENT: EXIT.usage,
  DATA_LOCKED: 3,
  SCHEMA_TOO_NEW: 4,
};

/** The code for an error that ends a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigFileError) return EXIT.usage;
  // By code: simulations and the gateway are loaded only by the commands that need them.
  const code =
    error instanceof Error ? EXIT_BY_CODE[String(Reflect.get(error, 'code'))] : undefined;
  return code ?? EXIT.failed;
}
