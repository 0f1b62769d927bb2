/**
 * Health check by the status of an HTTP/1.1 response.
 *
 * @module
 */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { formatAddress } from '../config/address.ts';
import { messageOf } from '../errors.ts';
import type { HttpCheck } from './check.ts';
import { withConnection } from './connection.ts';
import { readStatusRanges } from './escapes.ts';
import { CheckFailure, CheckSpecError, type Probe } from './probe.ts';

/** @throws {CheckSpecError} if `path`, `host` or `status` cannot be used. */
export function createHttpProbe(spec: HttpCheck): Probe {
  const isWanted = readStatusRanges(spec.status);
  const path = readRequestPath(spec.path);
  const { target } = spec;
  const host = readHost(
    spec.host ?? (target.kind === 'inet' ? formatAddress(target) : 'localhost'),
  );
  return (signal) =>
    withConnection(spec, spec.tls, signal, async (socket) => {
      const status = await getStatus(socket, path, host);
      if (!isWanted(status)) throw new CheckFailure(`status ${status}, wanted ${spec.status}`);
    });
}

/**
 * A path that a request line may hold: visible ASCII (RFC 9112, section 3.2).
 *
 * @throws {CheckSpecError} It is none.
 */
export function readRequestPath(text: string): string {
  if (/^\/[!-~]*$/.test(text)) return text;
  throw new CheckSpecError(`must start with "/" and hold no spaces; got ${JSON.stringify(text)}`);
}

/**
 * A value of the `Host` header.
 *
 * @throws {CheckSpecError} It is none.
 */
export function readHost(text: string): string {
  if (/^[!-~]+$/.test(text)) return text;
  throw new CheckSpecError(`must be a name without spaces; got ${JSON.stringify(text)}`);
}

function getStatus(socket: Socket, path: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({
      createConnection: () => socket,
      method: 'GET',
      path,
      headers: { host, 'user-agent': 'balancer-health-check', connection: 'close' },
    });
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    // Every error, also those that follow the reset: one without a listener ends the process.
    sent.on('error', (error) => reject(httpFailure(error)));
    sent.end();
  });
}

function httpFailure(error: Error): Error {
  const code: unknown = Reflect.get(error, 'code');
  if (typeof code === 'string' && code.startsWith('HPE_')) {
    return new CheckFailure(`not an HTTP response: ${messageOf(error)}`);
  }
  return messageOf(error) === 'socket hang up'
    ? new CheckFailure('connection closed before a response')
    : error;
}
