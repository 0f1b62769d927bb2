/**
 * The life of one client's connection: find a server, relay, account for it.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { formatAddress, type Logger, messageOf } from '@balancer/kit';
import {
  type Backend,
  clientKey,
  type ConnectFailure,
  type ConnectionRecord,
  type EndReason,
  type Frontend,
  type FrontendConfig,
  type ProxyEndpoint,
  type ProxySsl,
  type RefusalReason,
  type Server,
} from '@balancer/lb';
import { Direction } from './direction.ts';
import type { Flow } from './flow-registry.ts';
import { greetingFor } from './greeting.ts';
import type { Lease } from './lease.ts';
import { type Introduction, unintroduced } from './preamble.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { type Received, Reception } from './reception.ts';
import { Relay } from './relay.ts';
import { type Found, type SearchFailure, ServerSearch } from './server-search.ts';
import { reset } from './sockets.ts';
import { Deadline, type TimerWheel } from './timer-wheel.ts';
import type { TlsClient } from './tls-client.ts';
import type { TlsTerminator } from './tls-terminator.ts';
import type { WaitingLine } from './waiting-line.ts';

/** How long a refused client may take to read our FIN. */
const LINGER_MS = 1000;

/** A reset this soon after connecting, with nothing said, counts against the server. */
const EARLY_RESET_MS = 1000;

/** What every connection of a process shares. */
export interface ConnectionContext {
  readonly wheel: TimerWheel;
  readonly buffers: ReadBuffers;
  readonly logger: Logger;
  /** The limits of a frontend, as far as this process enforces them. */
  shareOf(config: FrontendConfig): FrontendConfig;
  lineOf(backend: Backend): WaitingLine;
  /** How to speak TLS with the servers; `undefined` for servers in the clear. */
  tlsOf(backend: Backend): TlsClient | undefined;
  /** Who ends the TLS sessions of clients; `undefined` for clients in the clear. */
  terminatorOf(frontend: Frontend): TlsTerminator | undefined;
  /** May the process open another connection? */
  hasRoom(): boolean;
  /** @returns What `onClosed` wants to be told. */
  onOpened(flow: Flow): number;
  /** The connection is over and everything it used is given back. */
  onClosed(slot: number, server: Server | undefined): void;
  /** Absent: nobody reads the records. */
  readonly onRecord?: ((record: ConnectionRecord) => void) | undefined;
  /** Would a record be read now? */
  wantsRecord(): boolean;
}

/** A client as the listener met it. */
export interface Client {
  readonly socket: Socket;
  /** IPv4-mapped addresses unmapped; `''` for unix sockets. */
  readonly ip: string;
  readonly port: number;
  /** May it send a PROXY header? */
  readonly isTrusted: boolean;
}

let nextConnectionId = 0;

export class Connection implements Flow {
  readonly frontend: Frontend;
  readonly ip: string;
  private readonly onClosed: () => void;
  private readonly context: ConnectionContext;
  private readonly reception: Reception;
  private readonly clientPort: number;
  private readonly id: number = ++nextConnectionId;
  private readonly startedAtMs: number = performance.now();
  private readonly fromClient: Direction;
  private readonly fromServer: Direction;
  private introduction: Introduction;
  private ssl: ProxySsl | undefined;
  private client: Socket;
  private search: ServerSearch | undefined;
  private relay: Relay | undefined;
  private lease: Lease | undefined;
  private serverSocket: Socket | undefined;
  private slot = 0;
  private backend: Backend | undefined;
  private age: Deadline | undefined;

  /** Takes over an accepted, paused socket. */
  constructor(
    context: ConnectionContext,
    frontend: Frontend,
    client: Client,
    onClosed: () => void,
  ) {
    this.context = context;
    this.frontend = frontend;
    this.onClosed = onClosed;
    this.ip = client.ip;
    this.clientPort = client.port;
    this.fromClient = new Direction(context.buffers, (bytes) => {
      this.frontend.counters.addTx(bytes);
      this.lease!.server.counters.addTx(bytes);
      this.relay!.stayAwake();
    });
    this.fromServer = new Direction(context.buffers, (bytes) => {
      this.frontend.counters.addRx(bytes);
      this.lease!.server.counters.addRx(bytes);
      this.relay!.stayAwake();
    });
    if (frontend.config.tcp_nodelay) client.socket.setNoDelay(true);
    this.introduction = unintroduced(frontend.config);
    this.reception = new Reception({
      frontend,
      accepted: client.socket,
      fromClient: this.fromClient,
      isTrusted: client.isTrusted,
      terminator: context.terminatorOf(frontend),
      wheel: context.wheel,
      onReceived: (received) => this.findServer(received),
      onRefused: (reason) => this.refuseEarly(reason),
    });
    this.client = this.reception.socket;
  }

  start(): void {
    this.slot = this.context.onOpened(this);
    this.frontend.counters.opened();
    this.limitAge();
    this.reception.start();
  }

  get server(): Server | undefined {
    return this.lease?.server;
  }

  /** Ends the connection from our side, with a reset to both ends. */
  abort(reason: EndReason): void {
    if (this.relay) {
      this.relay.abort(reason);
      return;
    }
    this.reception.cancel();
    this.search?.cancel();
    reset(this.client);
    this.finish(reason);
  }

  private limitAge(): void {
    const { max_connection_age } = this.frontend.config;
    if (max_connection_age === 0) return;
    this.age = new Deadline(() => this.abort('max_age'));
    this.context.wheel.arm(this.age, max_connection_age);
  }

  private findServer({ client, introduction, ssl }: Received): void {
    const { frontend, context } = this;
    this.client = client;
    this.introduction = introduction;
    this.ssl = ssl;
    const backend = frontend.backendNamed(introduction.backend);
    if (!backend) {
      this.refuse('no_backend');
      return;
    }
    this.backend = backend;
    this.search = new ServerSearch({
      backend,
      line: context.lineOf(backend),
      key: clientKey(introduction.announced?.source.ip ?? this.ip),
      reader: this.fromServer,
      noDelay: frontend.config.tcp_nodelay,
      wheel: context.wheel,
      greeting: (server) => this.greet(server, backend),
      tls: context.tlsOf(backend),
      onFound: (found) => this.serve(found),
      onFailed: (failure) => this.refuse(failure),
      onAttemptFailed: (server, failure, error) => this.logAttempt(server, failure, error),
    });
    this.search.start();
  }

  private greet(server: Server, { config }: Backend): Buffer {
    const { client, introduction, ssl } = this;
    return greetingFor({ server, config, client, introduction, connectionId: this.name, ssl });
  }

  private serve({ lease, socket }: Found): void {
    this.lease = lease;
    this.serverSocket = socket;
    this.relay = new Relay({
      ends: {
        client: this.client,
        server: socket,
        fromClient: this.fromClient,
        fromServer: this.fromServer,
      },
      frontend: this.frontend,
      wheel: this.context.wheel,
      onClosed: (reason) => this.finish(reason),
    });
    this.relay.start();
    this.forwardEarly(socket);
  }

  /** Sends on what the client said before there was a server to say it to. */
  private forwardEarly(server: Socket): void {
    const { early } = this.introduction;
    if (early.length === 0) return;
    this.frontend.counters.addTx(early.length);
    this.lease!.server.counters.addTx(early.length);
    server.write(early);
  }

  private refuseEarly(reason: string): void {
    const { counters, name } = this.frontend;
    counters.refused.preread++;
    this.context.logger.debug('client refused', { frontend: name, client: this.ip, reason });
    reset(this.client);
    this.finish('preread');
  }

  private refuse(reason: SearchFailure): void {
    const { counters, config } = this.frontend;
    const counted: RefusalReason = reason === 'connect_failed' ? 'no_backend' : reason;
    counters.refused[counted]++;
    if (config.on_no_backend === 'close') {
      this.closeQuietly(reason);
      return;
    }
    reset(this.client);
    this.finish(reason);
  }

  /** Sends a FIN and reads away what the client says, since unread bytes would make it a reset. */
  private closeQuietly(reason: EndReason): void {
    const { wheel } = this.context;
    const linger = new Deadline(() => this.client.destroy());
    wheel.arm(linger, LINGER_MS);
    this.client.on('error', () => {});
    this.client.on('close', () => {
      wheel.disarm(linger);
      this.finish(reason);
    });
    this.client.end();
    this.client.resume();
  }

  private finish(reason: EndReason): void {
    const { context, frontend, lease } = this;
    if (this.age) context.wheel.disarm(this.age);
    const durationMs = performance.now() - this.startedAtMs;
    frontend.counters.closed();
    frontend.counters.durations.observe(reason, durationMs / 1000);
    lease?.closed(!this.wasResetEarly(reason, durationMs));
    this.fromClient.release();
    this.fromServer.release();
    this.onClosed();
    context.onClosed(this.slot, lease?.server);
    if (context.wantsRecord()) context.onRecord?.(this.record(reason, durationMs));
  }

  private wasResetEarly(reason: EndReason, durationMs: number): boolean {
    return (
      reason === 'server_reset' && durationMs < EARLY_RESET_MS && this.serverSocket?.bytesRead === 0
    );
  }

  /** Unique among the connections of all processes that ever run at once. */
  private get name(): string {
    return `${process.pid}-${this.id}`;
  }

  private record(end: EndReason, durationMs: number): ConnectionRecord {
    const { announced } = this.introduction;
    return {
      id: this.name,
      frontend: this.frontend.name,
      backend: this.backend?.name ?? '',
      server: this.lease?.server.address ?? '',
      client: this.ip === '' ? '' : formatEndpoint({ ip: this.ip, port: this.clientPort }),
      sni: this.introduction.hello.serverName,
      tls: this.ssl ? `${this.ssl.version} ${this.ssl.cipher}` : '',
      proxy_src: announced ? formatEndpoint(announced.source) : '',
      connect_ms: round(this.lease?.connectMs ?? 0),
      duration_ms: round(durationMs),
      bytes_tx: this.relay ? this.client.bytesRead : 0,
      bytes_rx: this.serverSocket?.bytesRead ?? 0,
      attempts: this.search?.attempts ?? 0,
      queue_ms: round(this.search?.queueMs ?? 0),
      end,
    };
  }

  private logAttempt(server: Server, failure: ConnectFailure, error: Error | undefined): void {
    this.context.logger.warn('cannot connect to server', {
      frontend: this.frontend.name,
      backend: server.backendName,
      server: server.address,
      failure,
      ...(error && { reason: messageOf(error) }),
    });
  }
}

function formatEndpoint({ ip, port }: ProxyEndpoint): string {
  return formatAddress({ kind: 'inet', host: ip, port });
}

/** To a thousandth, which is as much as anybody reads. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
