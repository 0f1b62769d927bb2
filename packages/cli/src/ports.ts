/**
 * Ports of the demonstration: found free, or refused with a word on how to choose others.
 *
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { BalancerError, errnoName } from '@balancer/kit';

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

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return bindOnce(0);
}

async function bindOnce(port: number): Promise<number> {
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  await once(probe, 'listening');
  const bound = (probe.address() as AddressInfo).port;
  const closed = once(probe, 'close');
  probe.close();
  await closed;
  return bound;
}
