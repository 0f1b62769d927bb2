/**
 * Moves bytes between a client and a server, both ways, until both sides have finished.
 *
 * A FIN is passed on after the bytes before it and leaves the other direction open; a reset is
 * passed on as a reset. A connection that carries nothing for too long is reset on both sides, so
 * that nobody takes what arrived for the whole.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { errnoName } from '@balancer/kit';
import type { EndReason, Frontend } from '@balancer/lb';
import type { Direction, Side } from './direction.ts';
import { finish, keepAlive, reset } from './sockets.ts';
import { Deadline, type TimerWheel } from './timer-wheel.ts';

/**
 * Age at which the system begins to watch over a connection. Most do not get this old, and eight
 * calls to the system are saved for each of those.
 */
const KEEP_ALIVE_FROM_MS = 1000;

/** The two connected sockets and the directions that read from them. */
export interface RelayEnds {
  readonly client: Socket;
  readonly server: Socket;
  readonly fromClient: Direction;
  readonly fromServer: Direction;
}

export class Relay {
  private readonly ends: RelayEnds;
  private readonly frontend: Frontend;
  private readonly wheel: TimerWheel;
  private readonly onClosed: (reason: EndReason) => void;
  private readonly quiet: Deadline = new Deadline(() => this.onQuiet());
  private readonly settled: Deadline = new Deadline(() => this.keepAlive());
  private reason: EndReason | undefined;
  private finished: Side | undefined;
  private openSockets = 2;

  /** @param options.onClosed - Called once, when both sockets are closed. */
  constructor(options: {
    readonly ends: RelayEnds;
    readonly frontend: Frontend;
    readonly wheel: TimerWheel;
    readonly onClosed: (reason: EndReason) => void;
  }) {
    this.ends = options.ends;
    this.frontend = options.frontend;
    this.wheel = options.wheel;
    this.onClosed = options.onClosed;
  }

  /** Starts both directions. */
  start(): void {
    const { client, server, fromClient, fromServer } = this.ends;
    this.watch('client', client, server);
    this.watch('server', server, client);
    this.stayAwake();
    this.wheel.arm(this.settled, KEEP_ALIVE_FROM_MS);
    fromClient.join(client, server);
    fromServer.join(server, client);
    client.resume();
    server.resume();
  }

  /** Bytes came from either side: the connection is not idle. Allocates nothing. */
  stayAwake(): void {
    const { idle_timeout, half_close_timeout } = this.frontend.config;
    const halfClosed = this.finished !== undefined && half_close_timeout > 0;
    this.wheel.arm(this.quiet, halfClosed ? half_close_timeout : idle_timeout);
  }

  /** Resets both sides. */
  abort(reason: EndReason): void {
    if (this.isOrderly) this.reason = reason;
    reset(this.ends.client);
    reset(this.ends.server);
  }

  private watch(side: Side, source: Socket, sink: Socket): void {
    source.on('end', () => {
      this.reason ??= side === 'client' ? 'client_fin' : 'server_fin';
      this.finished ??= side;
      this.stayAwake();
      finish(sink);
    });
    source.on('error', (error) => {
      this.noteFailure(side, error);
      reset(sink);
    });
    source.on('close', () => this.onSocketClosed());
  }

  /** Nothing has gone wrong so far. What goes wrong after a FIN is still how it ended. */
  private get isOrderly(): boolean {
    const { reason } = this;
    return reason === undefined || reason === 'client_fin' || reason === 'server_fin';
  }

  private noteFailure(side: Side, error: Error): void {
    if (!this.isOrderly) return;
    const isReset = RESET_ERRORS.has(errnoName(error) ?? '');
    if (!isReset) this.reason = 'error';
    else this.reason = side === 'client' ? 'client_reset' : 'server_reset';
  }

  private keepAlive(): void {
    const { tcp_keepalive } = this.frontend.config;
    if (tcp_keepalive === 0) return;
    keepAlive(this.ends.client, tcp_keepalive);
    keepAlive(this.ends.server, tcp_keepalive);
  }

  private onQuiet(): void {
    this.abort(this.finished === undefined ? 'idle_timeout' : 'half_close_timeout');
  }

  private onSocketClosed(): void {
    this.openSockets--;
    if (this.openSockets > 0) return;
    this.wheel.disarm(this.quiet);
    this.wheel.disarm(this.settled);
    this.onClosed(this.reason ?? 'error');
  }
}

/** What a socket reports when its peer reset the connection or vanished. */
const RESET_ERRORS: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
