/**
 * A connection's claim on a server, counted from the choice of the server to the close of its
 * socket.
 *
 * The node's job is ended once when the connect succeeds, so that its latency is the time to
 * connect, and begun anew for the life of the connection, which says nothing about the server.
 *
 * @module
 */
import type { ConnectFailure, Server } from '@balancer/lb';

export class Lease {
  readonly server: Server;
  /** Time to connect; 0 until then. */
  connectMs = 0;
  private token: number;
  private readonly startedAtMs: number = performance.now();

  constructor(server: Server) {
    this.server = server;
    this.token = server.node.begin();
  }

  connected(): void {
    const { node, counters } = this.server;
    this.connectMs = performance.now() - this.startedAtMs;
    node.end(this.token, true);
    this.token = node.begin();
    counters.opened();
    counters.connectSeconds.observe('', this.connectMs / 1000);
  }

  /** The connect failed; the lease is over. */
  failed(failure: ConnectFailure): void {
    this.server.counters.connectFailures[failure]++;
    this.server.node.end(this.token, false);
  }

  /** The client gave up before the connect was decided; the lease is over. */
  abandoned(): void {
    this.server.node.cancel(this.token);
  }

  /**
   * The connection is closed; the lease is over.
   *
   * @param ok - False when the server cut the connection before it said anything.
   */
  closed(ok: boolean): void {
    this.server.counters.closed();
    if (ok) this.server.node.cancel(this.token);
    else this.server.node.end(this.token, false);
  }
}
