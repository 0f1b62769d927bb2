/**
 * Finds a server that accepts the connection: picks, connects, and after a failure goes to the
 * next server not yet tried. When only tried servers are left it waits before it tries them again,
 * and when all servers are full it waits in line.
 *
 * Nothing of the client has been read yet, so a further attempt repeats and loses nothing.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { errnoName } from '@balancer/kit';
import type { Backend, ConnectFailure, RefusalReason, Server } from '@balancer/lb';
import { Lease } from './lease.ts';
import { dial, readByEvents, type Reader, reset } from './sockets.ts';
import { Deadline, type TimerWheel } from './timer-wheel.ts';
import type { TlsClient } from './tls-client.ts';
import type { Waiting, WaitingLine } from './waiting-line.ts';

/** Why no server was found. */
export type SearchFailure =
  | Extract<RefusalReason, 'no_backend' | 'queue_full' | 'queue_timeout'>
  | 'connect_failed';

/** A server that accepted. */
export interface Found {
  readonly lease: Lease;
  readonly socket: Socket;
}

export interface SearchOptions {
  readonly backend: Backend;
  readonly line: WaitingLine;
  /** What the client is known by. */
  readonly key: string;
  readonly reader: Reader;
  readonly noDelay: boolean;
  readonly wheel: TimerWheel;
  /** What a server hears first; may be empty. */
  readonly greeting: (server: Server) => Buffer;
  /** Absent when the servers speak in the clear. */
  readonly tls: TlsClient | undefined;
  readonly onFound: (found: Found) => void;
  readonly onFailed: (failure: SearchFailure) => void;
  /** An attempt failed; the search goes on or is about to fail. */
  readonly onAttemptFailed: (
    server: Server,
    failure: ConnectFailure,
    error: Error | undefined,
  ) => void;
}

export class ServerSearch implements Waiting {
  /** Servers that were tried, repetitions included. */
  attempts = 0;
  /** Time spent in line, in milliseconds. */
  queueMs = 0;
  private readonly options: SearchOptions;
  private readonly deadline: Deadline = new Deadline(() => this.onDeadline());
  private tried: Set<Server['node']> | undefined;
  private current: { readonly lease: Lease; socket: Socket } | undefined;
  private queuedAtMs = 0;
  private isInLine = false;

  constructor(options: SearchOptions) {
    this.options = options;
  }

  start(): void {
    this.tryNext();
  }

  /** Gives up; neither callback is called any more. */
  cancel(): void {
    this.options.wheel.disarm(this.deadline);
    if (this.isInLine) this.leaveLine();
    if (!this.current) return;
    const { lease, socket } = this.current;
    this.current = undefined;
    lease.abandoned();
    discard(socket);
  }

  takeTurn(): (() => void) | undefined {
    const { backend, key, wheel } = this.options;
    const server = backend.pick(key, undefined);
    if (!server && backend.usable) return undefined;
    return () => {
      this.isInLine = false;
      this.queueMs += performance.now() - this.queuedAtMs;
      wheel.disarm(this.deadline);
      if (server) this.connectTo(server);
      else this.giveUp();
    };
  }

  private tryNext(): void {
    const { backend, key } = this.options;
    const server = backend.pick(key, this.tried);
    if (server) this.connectTo(server);
    else if (this.tried) this.pause();
    else if (backend.usable) this.standInLine();
    else this.giveUp();
  }

  /** No server can be used any more. */
  private giveUp(): void {
    this.options.onFailed(this.attempts > 0 ? 'connect_failed' : 'no_backend');
  }

  private connectTo(server: Server): void {
    const { backend, reader, noDelay, wheel, tls } = this.options;
    this.attempts++;
    if (this.attempts > 1) backend.counters.retries++;
    const lease = new Lease(server);
    const socket = dial(server.endpoint, {
      reader: tls ? undefined : reader,
      noDelay,
      localAddress: backend.config.source_addr,
    });
    this.current = { lease, socket };
    this.await(socket, 'connect', () => this.onConnected(lease, socket));
    wheel.arm(this.deadline, backend.config.connect_timeout);
  }

  private onConnected(lease: Lease, socket: Socket): void {
    const { greeting, tls, reader } = this.options;
    const header = greeting(lease.server);
    if (header.length > 0) socket.write(header);
    if (!tls) {
      this.finish(lease, socket);
      return;
    }
    socket.on('error', () => {});
    const secure = tls.secure(socket, lease.server);
    this.current = { lease, socket: secure };
    this.await(secure, 'secureConnect', () => {
      readByEvents(secure, reader);
      this.finish(lease, secure);
    });
  }

  /** Waits for an event of the current socket, or for its failure. */
  private await(socket: Socket, event: 'connect' | 'secureConnect', onEvent: () => void): void {
    const onError = (error: Error): void => {
      this.onConnectFailed(event === 'connect' ? classify(error) : 'tls', error);
    };
    socket.once('error', onError);
    socket.once(event, () => {
      // The relay adds a listener of its own.
      socket.off('error', onError);
      onEvent();
    });
  }

  private finish(lease: Lease, socket: Socket): void {
    this.current = undefined;
    this.options.wheel.disarm(this.deadline);
    lease.connected();
    this.options.onFound({ lease, socket });
  }

  private onConnectFailed(failure: ConnectFailure, error?: Error): void {
    const { backend, wheel, onAttemptFailed } = this.options;
    const { lease, socket } = this.current!;
    this.current = undefined;
    wheel.disarm(this.deadline);
    discard(socket);
    lease.failed(failure);
    onAttemptFailed(lease.server, failure, error);
    if (this.attempts > backend.config.connect_retries) {
      this.options.onFailed('connect_failed');
      return;
    }
    this.tried ??= new Set();
    this.tried.add(lease.server.node);
    this.tryNext();
  }

  /** Every server that may be used has failed once; they get `retry_delay` to recover. */
  private pause(): void {
    this.tried = undefined;
    const { retry_delay } = this.options.backend.config;
    this.options.wheel.arm(this.deadline, Math.max(1, retry_delay));
  }

  private standInLine(): void {
    const { backend, line, wheel } = this.options;
    if (!line.join(this)) {
      this.options.onFailed('queue_full');
      return;
    }
    this.isInLine = true;
    this.queuedAtMs = performance.now();
    wheel.arm(this.deadline, backend.config.queue_timeout);
  }

  private leaveLine(): void {
    this.isInLine = false;
    this.queueMs += performance.now() - this.queuedAtMs;
    this.options.line.leave(this);
  }

  private onDeadline(): void {
    if (this.isInLine) {
      this.leaveLine();
      this.options.onFailed('queue_timeout');
    } else if (this.current) {
      this.onConnectFailed('timeout');
    } else {
      this.tryNext();
    }
  }
}

const FAILURES: Readonly<Record<string, ConnectFailure>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  ENOENT: 'refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'no_port',
};

function classify(error: Error): ConnectFailure {
  return FAILURES[errnoName(error) ?? ''] ?? 'other';
}

/** Drops a socket whose connect failed or is not wanted any more. */
function discard(socket: Socket): void {
  socket.removeAllListeners();
  socket.on('error', () => {});
  if (socket.connecting) socket.destroy();
  else reset(socket);
}
