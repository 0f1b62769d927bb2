/**
 * Ports of the demonstration: free, or refused with a word on how to choose others.
 *
 * @module
 */
import { BalancerError, bindOnce, errnoName } from '@balancer/kit';

/** A port that something else listens on. */
class PortBusyError extends BalancerError {
  override readonly name = 'PortBusyError';
  readonly code = 'PORT_BUSY';

  constructor(port: number, option: string, cause: unknown) {
    const why =
      errnoName(cause) === 'EACCES'
        ? 'may not be used without root'
        : 'is in use by another program';
    super(`port ${port} ${why}; choose another with ${option} <port>, or 0 for any free one`, {
      cause,
    });
  }
}

/** @throws {PortBusyError} naming the option that chooses another port. */
export async function requireFree(port: number, option: string): Promise<void> {
  try {
    await bindOnce(port);
  } catch (error) {
    throw new PortBusyError(port, option, error);
  }
}
