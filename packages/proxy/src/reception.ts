/**
 * Meets a client: reads what it says in advance and ends its TLS session, where the frontend asks
 * for that, before a server is chosen.
 *
 * @module
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Frontend, ProxySsl } from '@balancer/lb';
import type { Direction } from './direction.ts';
import { type Introduction, Preamble, unintroduced } from './preamble.ts';
import { routeByServerName } from './sni-routing.ts';
import { adoptAccepted, readByEvents } from './sockets.ts';
import { Deadline, type TimerWheel } from './timer-wheel.ts';
import type { TlsTerminator } from './tls-terminator.ts';

/** A client that a server may be found for. */
export interface Received {
  readonly client: Socket;
  readonly introduction: Introduction;
  /** The client's TLS session, where it ended here. */
  readonly ssl?: ProxySsl;
}

export interface ReceptionOptions {
  readonly frontend: Frontend;
  /** Accepted and paused; not to be used by anybody else. */
  readonly accepted: Socket;
  readonly fromClient: Direction;
  /** May this peer send a PROXY header? */
  readonly isTrusted: boolean;
  readonly terminator: TlsTerminator | undefined;
  readonly wheel: TimerWheel;
  readonly onReceived: (received: Received) => void;
  /** The client is not to be served; its socket is open still. */
  readonly onRefused: (reason: string) => void;
}

export class Reception {
  /** The socket to close when the connection is aborted meanwhile. */
  socket: Socket;
  private readonly options: ReceptionOptions;
  /** Only where the client has to say something first: most connections need neither of the two. */
  private deadline: Deadline | undefined;
  private preamble: Preamble | undefined;
  private isOver = false;

  constructor(options: ReceptionOptions) {
    this.options = options;
    const { accepted, fromClient, terminator } = options;
    // TLS takes the handle as the runtime made it; its bytes come by events.
    this.socket = terminator ? accepted : adoptAccepted(accepted, fromClient);
    this.socket.on('error', () => {});
  }

  start(): void {
    const { frontend, isTrusted } = this.options;
    const { config } = frontend;
    if (!Preamble.isNeeded(config)) {
      this.introduce(unintroduced(config));
      return;
    }
    if (config.proxy_protocol !== 'off' && !isTrusted) {
      this.refuse('PROXY header from an untrusted address');
      return;
    }
    this.preamble = new Preamble(config);
    this.giveTime(config.preread_timeout);
    this.socket.once('end', this.onEnd);
    this.read();
  }

  /** Stops; nothing is reported any more. */
  cancel(): void {
    this.isOver = true;
    this.stopClock();
  }

  private giveTime(timeoutMs: number): void {
    this.deadline ??= new Deadline(() => this.refuse('said nothing in time'));
    this.options.wheel.arm(this.deadline, timeoutMs);
  }

  private stopClock(): void {
    if (this.deadline) this.options.wheel.disarm(this.deadline);
  }

  private readonly onEnd = (): void => this.refuse('ended before it had introduced itself');

  private read(): void {
    const { terminator, fromClient } = this.options;
    if (terminator) {
      this.socket.on('data', this.onData);
    } else {
      fromClient.onEarly = (bytes) => this.take(bytes);
    }
    this.socket.resume();
  }

  private readonly onData = (bytes: Buffer): void => {
    if (!this.take(bytes)) this.socket.pause();
  };

  private take(bytes: Buffer): boolean {
    const parsed = this.preamble!.feed(bytes);
    if (parsed.state === 'more') return true;
    if (parsed.state === 'invalid') {
      this.refuse(parsed.reason);
      return false;
    }
    // In a turn of its own: the read that brought the bytes must be over before the socket moves on.
    process.nextTick(() => this.introduce(parsed.introduction));
    return false;
  }

  private introduce(introduction: Introduction): void {
    if (this.isOver) return;
    const { terminator, onReceived } = this.options;
    this.stopClock();
    if (this.preamble) this.socket.off('end', this.onEnd);
    if (terminator) {
      this.handshake(terminator, introduction);
      return;
    }
    this.isOver = true;
    onReceived({ client: this.socket, introduction });
  }

  private handshake(terminator: TlsTerminator, introduction: Introduction): void {
    const { config } = this.options.frontend;
    this.giveTime(config.tls?.handshake_timeout ?? 0);
    this.socket.off('data', this.onData);
    if (introduction.early.length > 0) this.socket.unshift(introduction.early);
    terminator.handshake(this.socket, {
      onSecure: (socket) => this.secured(socket, introduction),
      onFailed: (reason) => this.refuse(`TLS: ${reason}`),
    });
  }

  private secured(socket: TLSSocket, introduction: Introduction): void {
    const { frontend, fromClient, onReceived } = this.options;
    if (this.isOver) return;
    this.isOver = true;
    this.stopClock();
    // The types know only half of it: without a name it is false, without ALPN too.
    const serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : '';
    const alpn = typeof socket.alpnProtocol === 'string' ? [socket.alpnProtocol] : [];
    const { sni, backend } = frontend.config;
    socket.on('error', () => {});
    readByEvents(socket, fromClient);
    onReceived({
      client: socket,
      introduction: {
        ...introduction,
        early: Buffer.alloc(0),
        hello: { serverName, alpn },
        backend: routeByServerName(sni, serverName) ?? backend,
      },
      ssl: sessionOf(socket),
    });
  }

  private refuse(reason: string): void {
    if (this.isOver) return;
    this.cancel();
    this.options.onRefused(reason);
  }
}

function sessionOf(socket: TLSSocket): ProxySsl {
  const commonName: unknown = socket.getPeerCertificate().subject?.CN;
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    ...(typeof commonName === 'string' && { commonName }),
  };
}
