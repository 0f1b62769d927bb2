/**
 * The connection of a health check, plain or TLS, and the two checks that need no more than that.
 *
 * @module
 */
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { CheckTls, ConnectingCheck, TcpCheck, TlsCheck } from './check.ts';
import { CheckFailure, type Probe } from './probe.ts';

/** Connects; what is sent is the preamble alone. */
export function createTcpProbe(spec: TcpCheck): Probe {
  return (signal) => withConnection(spec, undefined, signal, async () => {});
}

/** Connects and shakes hands. */
export function createTlsProbe(spec: TlsCheck): Probe {
  return (signal) => withConnection(spec, spec.tls, signal, async () => {});
}

/**
 * Opens a connection, runs `use` on it and ends it with a reset, which leaves no TIME_WAIT behind.
 * Whatever `use` waits for is over when the connection fails or `signal` aborts.
 */
export async function withConnection(
  spec: ConnectingCheck,
  tls: CheckTls | undefined,
  signal: AbortSignal,
  use: (socket: Socket) => Promise<void>,
): Promise<void> {
  const socket = connect(connectOptions(spec));
  const failed = failureOf(socket, signal);
  try {
    await Promise.race([once(socket, 'connect'), failed]);
    if (spec.preamble !== undefined) await Promise.race([sendPreamble(socket, spec), failed]);
    if (tls === undefined) {
      await Promise.race([use(socket), failed]);
      return;
    }
    const secured = startTls(socket, tls, spec);
    const tlsFailed = failureOf(secured, signal);
    await Promise.race([once(secured, 'secureConnect'), failed, tlsFailed]);
    await Promise.race([use(secured), failed, tlsFailed]);
  } finally {
    closeWithReset(socket);
  }
}

function closeWithReset(socket: Socket): void {
  // While a FIN of ours is on its way libuv refuses the reset, and the handle would stay open.
  const canReset = isIP(socket.remoteAddress ?? '') !== 0 && !socket.writableEnded;
  if (canReset) socket.resetAndDestroy();
  else socket.destroy();
}

function connectOptions({ target, sourceAddress }: ConnectingCheck): NetConnectOpts {
  // Half open: the answer to a FIN is the reset at the end, not a FIN.
  const allowHalfOpen = true;
  if (target.kind === 'unix') return { path: target.path, allowHalfOpen };
  const { host, port } = target;
  const localAddress = sourceAddress === undefined ? {} : { localAddress: sourceAddress };
  return { host, port, allowHalfOpen, ...localAddress };
}

/** Rejects when the socket fails or the signal aborts; never resolves. */
function failureOf(socket: Socket, signal: AbortSignal): Promise<never> {
  const failure = new Promise<never>((_resolve, reject) => {
    socket.on('error', (error) =>
      reject(isTlsError(error) ? new CheckFailure(`TLS: ${tlsReason(error)}`) : error),
    );
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // The race may be over before this rejects.
  failure.catch(() => {});
  return failure;
}

function once(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve) => void socket.once(event, resolve));
}

function sendPreamble(socket: Socket, { preamble }: ConnectingCheck): Promise<void> {
  const bytes = preamble!({
    localAddress: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort ?? 0,
  });
  return new Promise((resolve) => void socket.write(bytes, () => resolve()));
}

function startTls(socket: Socket, tls: CheckTls, { target }: ConnectingCheck): TLSSocket {
  const host = target.kind === 'inet' ? target.host : 'localhost';
  const name = tls.servername ?? host;
  return connectTls({
    socket,
    host: name,
    // An IP literal is not allowed as SNI (RFC 6066, section 3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    rejectUnauthorized: tls.verify,
  });
}

function isTlsError(error: Error): boolean {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' && (code.startsWith('ERR_') || !/^E[A-Z]+$/.test(code));
}

/** OpenSSL's own text has file names and numbers around the reason. */
function tlsReason(error: Error): string {
  const reason: unknown = Reflect.get(error, 'reason');
  return typeof reason === 'string' ? reason : error.message;
}
