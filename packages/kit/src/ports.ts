/**
 * A port to listen on, for those who must name it before they do.
 *
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { threadId } from 'node:worker_threads';
import { errnoName } from './errors.ts';

/** Below the ports that Linux gives to clients: no outgoing connection takes one before it is used. */
const FREE_PORTS = { first: 20_000, count: 12_000 } as const;

/**
 * A port is free until whoever asked for it listens, which may take seconds. So that nobody else is
 * given it meanwhile, every thread of every process looks at a share of them, one after the other.
 */
const SHARE_COUNT = 60;
const SHARE_PORTS = FREE_PORTS.count / SHARE_COUNT;
const ownShare = (process.pid * 7919 + threadId * 104_729) % SHARE_COUNT;
let nextInShare = Math.floor(Math.random() * SHARE_PORTS);

/** A port of 127.0.0.1 that nobody listens on now. The last 200 answers of a thread all differ. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < SHARE_PORTS; i++) {
    const place = nextInShare++ % SHARE_PORTS;
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, until one is free
      return await bindOnce(FREE_PORTS.first + place * SHARE_COUNT + ownShare);
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
