/**
 * A frontend on the user-space plane: its listeners, its gate, its open connections.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { formatAddress, messageOf, unmapIp } from '@balancer/kit';
import type { EndReason, Frontend, RefusalReason } from '@balancer/lb';
import { Connection, type ConnectionContext } from './connection.ts';
import { Gate } from './gate.ts';
import { Listener } from './listener.ts';
import type { BoundListener, ServedFrontend } from './served-frontend.ts';
import { Slots } from './slots.ts';
import { reset } from './sockets.ts';

export class ProxyFrontend implements ServedFrontend {
  readonly frontend: Frontend;
  private readonly connections = new Slots<Connection>();
  private readonly context: ConnectionContext;
  private readonly gate: Gate;
  private bound: readonly Listener[] = [];

  constructor(frontend: Frontend, context: ConnectionContext) {
    this.frontend = frontend;
    this.context = context;
    this.gate = new Gate(context.shareOf(frontend.config), () => performance.now());
  }

  get open(): number {
    return this.connections.size;
  }

  get listeners(): readonly Listener[] {
    return this.bound;
  }

  /** Takes over these listeners; whoever had others closes them. */
  serve(bound: readonly BoundListener[]): void {
    const listeners = bound.filter((listener) => listener instanceof Listener);
    this.bound = listeners;
    this.frontend.listening = listeners.map((listener) => formatAddress(listener.bound));
    for (const listener of listeners) listener.serve((socket) => this.accept(socket));
  }

  /** Follows a reloaded configuration. */
  update(): void {
    this.gate.update(this.context.shareOf(this.frontend.config));
  }

  /** Frees the addresses; open connections live on. */
  unlisten(): void {
    for (const listener of this.bound) listener.close();
    this.bound = [];
    this.frontend.listening = [];
  }

  /** Resets every connection. */
  cut(reason: EndReason): number {
    const connections = this.connections.list();
    for (const connection of connections) connection.abort(reason);
    return connections.length;
  }

  private accept(socket: Socket): void {
    const ip = unmapIp(socket.remoteAddress ?? '');
    const refusal = this.context.hasRoom() ? this.gate.enter(ip) : 'max_connections';
    if (refusal) {
      this.turnAway(socket, refusal);
      return;
    }
    try {
      const isTrusted = this.gate.trusts(ip);
      const client = { socket, ip, port: socket.remotePort ?? 0, isTrusted };
      const connection = new Connection(this.context, this.frontend, client, () => {
        this.connections.remove(slot);
        this.gate.leave(ip);
      });
      const slot = this.connections.add(connection);
      connection.start();
    } catch (error) {
      // One connection's trouble must not become everybody's.
      this.context.logger.error('connection failed', {
        frontend: this.frontend.name,
        reason: messageOf(error),
      });
      socket.destroy();
    }
  }

  private turnAway(socket: Socket, reason: RefusalReason): void {
    this.frontend.counters.refused[reason]++;
    this.context.logger.debug('connection refused', { frontend: this.frontend.name, reason });
    reset(socket);
  }
}
