/**
 * One bound address of the admin server.
 *
 * @module
 */
import { chmodSync, unlinkSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { type Address, formatAddress, isLoopback, listenOptions } from '../config/address.ts';
import { BalancerError, errnoName, messageOf } from '../errors.ts';

/** The admin server cannot listen on an address. */
export class AdminListenError extends BalancerError {
  override readonly name = 'AdminListenError';
  readonly code = 'ADMIN_LISTEN';
}

/** Slow or idle clients keep a connection for at most this long before their request is there. */
const REQUEST_MAX_MS = 15_000;
/** More clients at a time are closed at once: the admin server shares descriptors with traffic. */
const CONNECTIONS_MAX = 256;

export interface BoundListener {
  readonly server: Server;
  readonly address: Address;
}

/**
 * Binds `address` and answers with `fetch`.
 *
 * @param setting - What to change to choose another address, for messages.
 * @throws {AdminListenError} naming the address, the reason and the setting.
 */
export async function bindListener(
  address: Address,
  { fetch, setting }: { fetch: Fetch; setting: string },
): Promise<BoundListener> {
  const server = createServer(fetch);
  try {
    await listen(server, address);
  } catch (error) {
    if (address.kind !== 'unix' || !(await removeStaleSocket(address.path, error))) {
      throw listenError(address, error, setting);
    }
    await listen(server, address).catch((again: unknown) => {
      throw listenError(address, again, setting);
    });
  }
  // Whoever may connect here needs no token: root and the daemon's own user.
  if (address.kind === 'unix') chmodSync(address.path, 0o600);
  return { server, address: boundAddress(server, address) };
}

/** Stops accepting, lets requests finish for `graceMs`, then cuts the rest. */
export async function closeListener({ server }: BoundListener, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}

/** @throws {AdminListenError} if strangers could reach `address` and may not. */
export function assertReachable(
  address: Address,
  {
    allowRemote,
    hasToken,
    setting,
    remoteSetting,
  }: { allowRemote: boolean; hasToken: boolean; setting: string; remoteSetting: string },
): void {
  if (isLoopback(address)) return;
  const what = `cannot listen on ${formatAddress(address)}: it can be reached from other machines`;
  if (!allowRemote) {
    throw new AdminListenError(
      `${what}; set ${remoteSetting} = true, or ${setting} to a loopback address`,
    );
  }
  if (!hasToken) throw new AdminListenError(`${what}, so it needs a token`);
}

type Fetch = (request: Request) => Response | Promise<Response>;

function createServer(fetch: Fetch): Server {
  // The adaptor brings the runtime's HTTP client and streams along, 5 MiB that a process nobody asks
  // anything does without.
  let adaptor: ReturnType<typeof loadAdaptor> | undefined;
  const server = createHttpServer((request, response) => {
    adaptor ??= loadAdaptor(fetch);
    adaptor.then(
      (answer) => answer(request, response),
      // Its file is gone or unreadable, as in the middle of an upgrade: no reason to end the process.
      (error: unknown) => {
        response.statusCode = 500;
        response.end(`cannot answer: ${messageOf(error)}\n`);
      },
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = REQUEST_MAX_MS;
  server.requestTimeout = REQUEST_MAX_MS;
  server.on('request', (_request, response) => {
    // A connection kept alive after its last response would hold the close for seconds.
    response.once('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  return server;
}

async function loadAdaptor(fetch: Fetch): Promise<RequestListener> {
  const { getRequestListener } = await import('@hono/node-server');
  const answer = getRequestListener(fetch);
  return (request, response) => void answer(request, response);
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(address), () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Removes the socket file of a process that is gone; false when somebody still answers on it. */
async function removeStaleSocket(path: string, error: unknown): Promise<boolean> {
  if (errnoName(error) !== 'EADDRINUSE') return false;
  const isRefused = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => resolve(false));
    socket.once('error', (failure) => resolve(errnoName(failure) === 'ECONNREFUSED'));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  if (!isRefused) return false;
  unlinkSync(path);
  return true;
}

function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address();
  if (asked.kind === 'unix' || bound === null || typeof bound === 'string') return asked;
  return { ...asked, port: bound.port };
}

function listenError(address: Address, error: unknown, setting: string): AdminListenError {
  const errno = errnoName(error);
  const reason = (errno === null ? undefined : REASONS[errno]) ?? messageOf(error);
  return new AdminListenError(
    `cannot listen on ${formatAddress(address)}: ${reason}; choose another with ${setting}`,
    { cause: error },
  );
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use (EADDRINUSE)',
  EADDRNOTAVAIL: 'not an address of this machine (EADDRNOTAVAIL)',
  EACCES: 'permission denied (EACCES)',
  ENOENT: 'its directory does not exist (ENOENT)',
  ENOTFOUND: 'name not found (ENOTFOUND)',
};
