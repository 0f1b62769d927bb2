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

/** Below the ports that Linux gives to clients: no outgoing connection takes one before it is used. */
const FREE_PORTS = { first: 20_000, count: 12_000, tries: 100 } as const;

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const { first, count, tries } = FREE_PORTS;
  for (let i = 0; i < tries; i++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, until one is free
      return await bindOnce(first + Math.floor(Math.random() * count));
    } catch (error) {
      if (errnoName(error) !== 'EADDRINUSE') throw error;
    }
  }
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
