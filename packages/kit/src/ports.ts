/**
 * A port to listen on, for those who must name it before they do.
 *
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { errnoName } from './errors.ts';

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

/**
 * Binds a port of 127.0.0.1 and lets it go.
 *
 * @param port - 0 for any.
 * @returns The port that was bound.
 * @throws {Error} Why it cannot be bound, with its errno name.
 */
export async function bindOnce(port: number): Promise<number> {
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  await once(probe, 'listening');
  const bound = (probe.address() as AddressInfo).port;
  const closed = once(probe, 'close');
  probe.close();
  await closed;
  return bound;
}
