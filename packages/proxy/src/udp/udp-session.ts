/**
 * The datagrams between one client and the server that was chosen for it.
 *
 * A connected socket of its own tells the server's answers from everybody else's, and hears when
 * the server's port is closed.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { errnoName } from '@balancer/kit';
import type { EndReason, Frontend, Server } from '@balancer/lb';
import type { Flow } from '../flow-registry.ts';
import { Lease } from '../lease.ts';
import { Deadline, type TimerWheel } from '../timer-wheel.ts';

/** Datagrams that wait for the socket to be ready; later ones are dropped. */
const WAITING_MAX = 64;

export interface UdpSessionOptions {
  readonly frontend: Frontend;
  readonly server: Server;
  readonly wheel: TimerWheel;
  /** Precedes every datagram to the server; may be empty. */
  readonly header: Buffer;
  readonly onAnswer: (bytes: Buffer) => void;
  /** The next datagram of the client is for a new session; answers to this one still come. */
  readonly onDetached: () => void;
  readonly onClosed: (end: EndReason) => void;
}

export class UdpSession implements Flow {
  readonly server: Server;
  readonly startedAtMs: number = performance.now();
  bytesTx = 0;
  bytesRx = 0;
  private readonly options: UdpSessionOptions;
  private readonly socket: Socket;
  private readonly lease: Lease;
  private readonly quiet: Deadline = new Deadline(() => this.abort('idle_timeout'));
  private waiting: Buffer[] | undefined = [];
  private requests = 0;
  private responses = 0;
  private isClosed = false;

  constructor(options: UdpSessionOptions) {
    this.options = options;
    this.server = options.server;
    this.lease = new Lease(options.server);
    this.lease.connected();
    const { endpoint } = options.server;
    const [host, port] = endpoint.kind === 'inet' ? [endpoint.host, endpoint.port] : ['', 0];
    this.socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    this.socket.on('message', (bytes) => this.onMessage(bytes));
    this.socket.on('error', (error) => this.onError(error));
    this.socket.connect(port, host, (error?: Error) => {
      if (error) this.onError(error);
      else this.sendWaiting();
    });
    this.stayAwake();
  }

  /** Forwards a datagram of the client. */
  send(bytes: Buffer): void {
    const { frontend, header, onDetached } = this.options;
    const { max_requests } = frontend.config.udp;
    this.requests++;
    this.bytesTx += bytes.length;
    frontend.counters.addTx(bytes.length);
    this.server.counters.addTx(bytes.length);
    frontend.counters.udp.datagramsTx++;
    this.stayAwake();
    this.transmit(header.length === 0 ? bytes : Buffer.concat([header, bytes]));
    if (max_requests > 0 && this.requests >= max_requests) onDetached();
  }

  abort(end: EndReason): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { wheel, onClosed } = this.options;
    wheel.disarm(this.quiet);
    this.waiting = undefined;
    this.socket.close();
    this.lease.closed(end !== 'server_reset');
    onClosed(end);
  }

  private transmit(bytes: Buffer): void {
    const { dropped } = this.options.frontend.counters.udp;
    if (!this.waiting) {
      this.socket.send(bytes, (error) => {
        if (error && errnoName(error) === 'EMSGSIZE') dropped.too_large++;
      });
    } else if (this.waiting.length < WAITING_MAX) {
      this.waiting.push(bytes);
    } else {
      dropped.queue_full++;
    }
  }

  private sendWaiting(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    if (this.isClosed) return;
    for (const bytes of waiting) this.transmit(bytes);
  }

  private onMessage(bytes: Buffer): void {
    const { frontend, onAnswer } = this.options;
    const { max_responses } = frontend.config.udp;
    this.responses++;
    this.bytesRx += bytes.length;
    frontend.counters.addRx(bytes.length);
    this.server.counters.addRx(bytes.length);
    frontend.counters.udp.datagramsRx++;
    this.stayAwake();
    onAnswer(bytes);
    if (max_responses > 0 && this.responses >= max_responses) this.abort('server_fin');
  }

  /** ICMP told that nobody listens there, or the socket failed: the next datagram picks again. */
  private onError(error: Error): void {
    if (this.isClosed) return;
    if (errnoName(error) === 'ECONNREFUSED') this.server.counters.connectFailures.refused++;
    this.abort('server_reset');
  }

  private stayAwake(): void {
    this.options.wheel.arm(this.quiet, this.options.frontend.config.udp.idle_timeout);
  }
}
