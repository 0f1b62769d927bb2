/**
 * A UDP frontend: which session a datagram belongs to, and whether there may be another one.
 *
 * @module
 */
import type { RemoteInfo } from 'node:dgram';
import { formatAddress, unmapIp } from '@balancer/kit';
import {
  type Backend,
  clientKey,
  type ConnectionRecord,
  type EndReason,
  type Frontend,
  type Server,
  writeProxyV2,
} from '@balancer/lb';
import type { ConnectionContext } from '../connection.ts';
import { Gate } from '../gate.ts';
import type { BoundListener, ServedFrontend } from '../served-frontend.ts';
import { UdpListener } from './udp-listener.ts';
import { UdpSession } from './udp-session.ts';

let nextSessionId = 0;

export class UdpFrontend implements ServedFrontend {
  readonly frontend: Frontend;
  private readonly context: ConnectionContext;
  private readonly gate: Gate;
  /** By client and listener, the least recently active first. */
  private readonly sessions = new Map<string, UdpSession>();
  /** Sessions that wait for answers only. */
  private readonly detached = new Set<UdpSession>();
  private bound: readonly UdpListener[] = [];

  constructor(frontend: Frontend, context: ConnectionContext) {
    this.frontend = frontend;
    this.context = context;
    this.gate = new Gate(frontend.config, () => performance.now());
  }

  get listeners(): readonly UdpListener[] {
    return this.bound;
  }

  get open(): number {
    return this.sessions.size + this.detached.size;
  }

  serve(bound: readonly BoundListener[]): void {
    const listeners = bound.filter((listener) => listener instanceof UdpListener);
    this.bound = listeners;
    this.frontend.listening = listeners.map((listener) => formatAddress(listener.bound));
    for (const listener of listeners) {
      listener.serve((bytes, from) => this.onDatagram(bytes, from, listener));
    }
  }

  update(): void {
    this.gate.update(this.frontend.config);
  }

  unlisten(): void {
    for (const listener of this.bound) listener.close();
    this.bound = [];
    this.frontend.listening = [];
  }

  cut(reason: EndReason): number {
    const all = [...this.sessions.values(), ...this.detached];
    for (const session of all) session.abort(reason);
    return all.length;
  }

  private onDatagram(bytes: Buffer, from: RemoteInfo, listener: UdpListener): void {
    const key = `${from.address} ${from.port} ${this.bound.indexOf(listener)}`;
    const known = this.sessions.get(key);
    if (known && this.isServed(known)) {
      // Re-inserting moves the session to the recently active end of the map.
      this.sessions.delete(key);
      this.sessions.set(key, known);
      known.send(bytes);
      return;
    }
    known?.abort('drain');
    this.openSession(key, from, listener)?.send(bytes);
  }

  /** Is the server of a session still one of the backend's? */
  private isServed({ server }: UdpSession): boolean {
    return this.frontend.backend?.holds(server) ?? false;
  }

  private openSession(
    key: string,
    from: RemoteInfo,
    listener: UdpListener,
  ): UdpSession | undefined {
    const { counters, config, backend } = this.frontend;
    const ip = unmapIp(from.address);
    const refusal = this.context.hasRoom() ? this.gate.enter(ip) : 'max_connections';
    if (refusal) {
      counters.refused[refusal]++;
      counters.udp.dropped[refusal === 'acl' || refusal === 'rate' ? refusal : 'max_sessions']++;
      return undefined;
    }
    const server = backend?.pick(clientKey(ip), undefined);
    if (!backend || !server) {
      this.gate.leave(ip);
      counters.refused.no_backend++;
      counters.udp.dropped.no_backend++;
      return undefined;
    }
    if (this.sessions.size >= config.udp.max_sessions) {
      counters.udp.dropped.evicted++;
      this.sessions.values().next().value?.abort('max_connections');
    }
    const session = this.createSession({ key, from, ip, listener, server, backend });
    this.sessions.set(key, session);
    return session;
  }

  private createSession(options: {
    readonly key: string;
    readonly from: RemoteInfo;
    readonly ip: string;
    readonly listener: UdpListener;
    readonly server: Server;
    readonly backend: Backend;
  }): UdpSession {
    const { key, from, ip, listener, server, backend } = options;
    const { frontend, context } = this;
    frontend.counters.opened();
    const session: UdpSession = new UdpSession({
      frontend,
      server,
      wheel: context.wheel,
      header: headerFor({ server, backend, from, ip, listener }),
      onAnswer: (bytes) => listener.send(bytes, from),
      onDetached: () => {
        this.sessions.delete(key);
        this.detached.add(session);
      },
      onClosed: (end) => {
        if (this.sessions.get(key) === session) this.sessions.delete(key);
        this.detached.delete(session);
        this.gate.leave(ip);
        this.account(session, { client: `${ip}:${from.port}`, backend, end });
        context.onClosed(slot, server);
      },
    });
    const slot = context.onOpened(session);
    return session;
  }

  private account(
    session: UdpSession,
    { client, backend, end }: { client: string; backend: Backend; end: EndReason },
  ): void {
    const { frontend, context } = this;
    const durationMs = performance.now() - session.startedAtMs;
    frontend.counters.closed();
    frontend.counters.durations.observe(end, durationMs / 1000);
    const record: ConnectionRecord = {
      id: `${process.pid}-u${++nextSessionId}`,
      frontend: frontend.name,
      backend: backend.name,
      server: session.server.address,
      client,
      sni: '',
      tls: '',
      proxy_src: '',
      connect_ms: 0,
      duration_ms: Math.round(durationMs),
      bytes_tx: session.bytesTx,
      bytes_rx: session.bytesRx,
      attempts: 1,
      queue_ms: 0,
      end,
    };
    if (context.wantsRecord()) context.onRecord?.(record);
  }
}

/** The PROXY header that precedes each datagram; empty when the server wants none. */
function headerFor(options: {
  readonly server: Server;
  readonly backend: Backend;
  readonly from: RemoteInfo;
  readonly ip: string;
  readonly listener: UdpListener;
}): Buffer {
  const { server, backend, from, ip, listener } = options;
  const version = server.config.send_proxy_protocol ?? backend.config.send_proxy_protocol;
  const { bound } = listener;
  if (version === 'off' || bound.kind === 'unix') return Buffer.alloc(0);
  // The address that a wildcard socket was reached at is not told; the family's own stands for it.
  const isV6 = ip.includes(':');
  const isWildcard = bound.host === '' || bound.host === '::' || bound.host === '0.0.0.0';
  const destination = isWildcard ? (isV6 ? '::' : '0.0.0.0') : bound.host;
  return writeProxyV2(
    { source: { ip, port: from.port }, destination: { ip: destination, port: bound.port } },
    { transport: 'datagram', checksum: backend.config.proxy_protocol_tlv.includes('crc32c') },
  );
}
