/**
 * Sockets that read into our own buffers, on both sides of the relay.
 *
 * The runtime offers caller-supplied read buffers (`onread`) for sockets that connect, not for
 * those that a server accepts. An accepted socket's handle is therefore given to a second socket
 * object made with `onread`; where the handle does not look as expected, the bytes come as `data`
 * events instead, and everything else stays the same.
 *
 * @module
 */
import { connect, Socket, type SocketConstructorOpts, type TcpSocketConnectOpts } from 'node:net';
import type { Address } from '@balancer/kit';
import type { AdaptiveBuffer } from './read-buffers.ts';

/** Receives what a socket reads. */
export interface Reader {
  /** Memory for the next read. */
  readonly memory: AdaptiveBuffer;
  /**
   * Takes bytes that were read. They are in `buffer` until the call after next.
   *
   * @returns False to stop reading until the socket is resumed.
   */
  onBytes(buffer: Buffer, bytesRead: number): boolean;
}

/** Keep-alive and delay settings of one socket. */
export interface SocketTuning {
  readonly noDelay: boolean;
  /** Idle time before the first probe; 0 sends none. */
  readonly keepAliveMs: number;
}

/** Where a socket keeps what the system knows it by. Looked at here and nowhere else. */
const HANDLE = '_handle';

interface HandleOwner {
  [HANDLE]: { useUserBuffer?: unknown; readStart?: unknown } | null;
}

/**
 * Makes an accepted, paused socket read into the reader's memory. The socket that is passed in must
 * not be used any more.
 *
 * @returns The socket to use, paused.
 */
export function adoptAccepted(accepted: Socket, reader: Reader): Socket {
  const owner = accepted as unknown as HandleOwner;
  const handle = owner[HANDLE];
  if (typeof handle?.useUserBuffer !== 'function' || typeof handle.readStart !== 'function') {
    return readByEvents(accepted, reader);
  }
  owner[HANDLE] = null;
  return new Socket({
    handle,
    allowHalfOpen: true,
    pauseOnCreate: true,
    onread: onread(reader),
  } as SocketConstructorOpts);
}

/** Feeds a reader from `data` events, for sockets that cannot read into memory of ours. */
export function readByEvents(socket: Socket, reader: Reader): Socket {
  socket.pause();
  socket.on('data', (chunk: Buffer) => {
    if (!reader.onBytes(chunk, chunk.length)) socket.pause();
  });
  return socket;
}

/** Starts to connect. Addresses that are no names are not looked up. */
export function dial(
  address: Address,
  options: {
    readonly tuning: SocketTuning;
    readonly localAddress: string;
    /** Absent when the bytes come by events, as through TLS. */
    readonly reader: Reader | undefined;
  },
): Socket {
  const { tuning, localAddress, reader } = options;
  const common = { allowHalfOpen: true, ...(reader && { onread: onread(reader) }) };
  if (address.kind === 'unix') return connect({ path: address.path, ...common });
  return connect({
    host: address.host,
    port: address.port,
    noDelay: tuning.noDelay,
    ...(tuning.keepAliveMs > 0 && {
      keepAlive: true,
      keepAliveInitialDelay: tuning.keepAliveMs,
    }),
    ...(localAddress !== '' && { localAddress }),
    ...common,
  } as TcpSocketConnectOpts);
}

/** Applies the settings to a socket that is connected already. */
export function tune(socket: Socket, { noDelay, keepAliveMs }: SocketTuning): void {
  if (noDelay) socket.setNoDelay(true);
  if (keepAliveMs > 0) socket.setKeepAlive(true, keepAliveMs);
}

const underlyingSockets = new WeakMap<Socket, Socket>();

/** Notes that a TLS socket speaks through another one, which is what can be reset. */
export function noteUnderlying(socket: Socket, underlying: Socket): void {
  underlyingSockets.set(socket, underlying);
}

/**
 * Closes a socket so that its peer sees a reset. Where the system cannot (unix sockets, a FIN still
 * waiting behind unsent bytes) it closes without one; either way nothing is left open.
 */
export function reset(socket: Socket): void {
  const underlying = underlyingSockets.get(socket);
  if (underlying) reset(underlying);
  const finIsWaiting = socket.writableEnded && !socket.writableFinished;
  const cannotReset = underlying !== undefined || socket.remoteFamily === undefined;
  if (socket.destroyed || finIsWaiting || cannotReset) socket.destroy();
  else socket.resetAndDestroy();
}

function onread(reader: Reader): {
  buffer: () => Buffer;
  callback: (bytesRead: number, buffer: Uint8Array) => boolean;
} {
  return {
    buffer: () => reader.memory.buffer,
    callback: (bytesRead, buffer) => reader.onBytes(buffer as Buffer, bytesRead),
  };
}
