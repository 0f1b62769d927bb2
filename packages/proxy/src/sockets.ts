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
import { Socket, type SocketConstructorOpts } from 'node:net';
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
  return createSocket({ handle, noDelay: false, reader });
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
    readonly noDelay: boolean;
    readonly localAddress: string;
    /** Absent when the bytes come by events, as through TLS. */
    readonly reader: Reader | undefined;
  },
): Socket {
  const { noDelay, localAddress, reader } = options;
  const socket = createSocket({ handle: undefined, noDelay, reader });
  if (address.kind === 'unix') return socket.connect({ path: address.path });
  const { host, port } = address;
  return socket.connect(localAddress === '' ? { host, port } : { host, port, localAddress });
}

/** Has the system ask a silent peer whether it is still there, after this long and then on. */
export function keepAlive(socket: Socket, idleMs: number): void {
  (underlyingSockets.get(socket) ?? socket).setKeepAlive(true, idleMs);
}

/**
 * A socket whose bytes go to the reader; without a handle, one that can connect.
 *
 * The runtime copies the options and adds the last three to the copy. Keys that are new to a copy
 * give each copy a hidden class of its own, which nothing that is compiled knows: a socket costs
 * 6 us then, and 0.3 us when they are here.
 */
function createSocket({
  handle,
  noDelay,
  reader,
}: {
  readonly handle: unknown;
  readonly noDelay: boolean;
  readonly reader: Reader | undefined;
}): Socket {
  return new Socket({
    handle,
    noDelay,
    allowHalfOpen: true,
    pauseOnCreate: true,
    onread: reader && onread(reader),
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  } as SocketConstructorOpts);
}

const underlyingSockets = new WeakMap<Socket, Socket>();

/** Notes that a TLS socket speaks through another one, which is what can be reset. */
export function noteUnderlying(socket: Socket, underlying: Socket): void {
  underlyingSockets.set(socket, underlying);
}

/**
 * Sends a FIN after everything that was written. A socket that has nothing left to send or to read
 * is closed outright, which says the same with one call to the system less.
 */
export function finish(socket: Socket): void {
  const isDone = socket.readableEnded && socket.writableLength === 0;
  if (isDone && !underlyingSockets.has(socket)) socket.destroy();
  else socket.end();
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
