/**
 * Ends TLS sessions of clients: certificates chosen by server name, client certificates where they
 * are asked for, files that are read again when they change.
 *
 * The handshakes run on a TLS server that listens nowhere; accepted sockets are handed to it.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import { type Logger, messageOf } from '@balancer/kit';
import { type CertificateConfig, certificatesOf, type FrontendTlsConfig } from '@balancer/lb';
import { noteUnderlying } from './sockets.ts';

/** How often certificate files are looked at, at most. */
const LOOK_AGAIN_MS = 1000;

/** What comes of a handshake. */
export interface HandshakeObserver {
  readonly onSecure: (socket: TLSSocket) => void;
  readonly onFailed: (reason: string) => void;
}

interface Identity {
  readonly names: readonly string[];
  readonly context: SecureContext;
}

export class TlsTerminator {
  private readonly config: FrontendTlsConfig;
  private readonly logger: Logger;
  private readonly server: TlsServer;
  private readonly handshakes = new Map<string, HandshakeObserver>();
  private identities: readonly Identity[];
  private fingerprint: string;
  private lookedAtMs = 0;

  /** @throws {Error} A file cannot be read, or a key does not match its certificate. */
  constructor(
    config: FrontendTlsConfig,
    {
      logger,
      ticketKeys,
    }: {
      readonly logger: Logger;
      /** 48 bytes, for processes that resume each other's sessions. */
      readonly ticketKeys: Buffer | undefined;
    },
  ) {
    this.config = config;
    this.logger = logger;
    this.fingerprint = fingerprintOf(config);
    this.identities = loadIdentities(config);
    const [first] = certificatesOf(config);
    this.server = createServer(
      {
        ...contextOptions(config, first!),
        ALPNProtocols: config.alpn.length > 0 ? [...config.alpn] : undefined,
        SNICallback: (name, answer) => answer(null, this.contextFor(name)),
        requestCert: config.client_ca !== '',
        rejectUnauthorized: config.client_ca !== '',
        handshakeTimeout: config.handshake_timeout,
        ...(ticketKeys && { ticketKeys }),
      },
      (socket) => this.finish(socket, (observer) => observer.onSecure(socket)),
    );
    this.server.on('tlsClientError', (error, socket) => {
      this.finish(socket, (observer) => observer.onFailed(messageOf(error)));
    });
  }

  /** Starts a handshake on an accepted socket, which must not be used any more. */
  handshake(raw: Socket, observer: HandshakeObserver): void {
    const key = keyOf(raw);
    this.handshakes.set(key, {
      onFailed: observer.onFailed,
      onSecure: (socket) => {
        noteUnderlying(socket, raw);
        observer.onSecure(socket);
      },
    });
    // A client that is turned away for its certificate is only seen by its socket closing.
    raw.once('close', () => {
      const waiting = this.handshakes.get(key);
      if (!this.handshakes.delete(key)) return;
      waiting?.onFailed('closed during the handshake');
    });
    this.server.emit('connection', raw);
  }

  private finish(socket: TLSSocket, tell: (observer: HandshakeObserver) => void): void {
    const key = keyOf(socket);
    const observer = this.handshakes.get(key);
    this.handshakes.delete(key);
    if (observer) tell(observer);
  }

  /** The context of the first certificate that names the host, else that of the first. */
  private contextFor(name: string): SecureContext {
    this.refresh();
    const wanted = name.toLowerCase();
    const match = this.identities.find(({ names }) => names.some((own) => covers(own, wanted)));
    return (match ?? this.identities[0]!).context;
  }

  /** Loads the files again when one changed; with a mistake in them the former ones stay. */
  private refresh(): void {
    const now = performance.now();
    if (now - this.lookedAtMs < LOOK_AGAIN_MS) return;
    this.lookedAtMs = now;
    try {
      const fingerprint = fingerprintOf(this.config);
      if (fingerprint === this.fingerprint) return;
      this.fingerprint = fingerprint;
      this.identities = loadIdentities(this.config);
      const [first] = certificatesOf(this.config);
      this.server.setSecureContext(contextOptions(this.config, first!));
      this.logger.info('certificates loaded again');
    } catch (error) {
      this.logger.error('certificates not loaded; the former ones stay', {
        reason: messageOf(error),
      });
    }
  }
}

function loadIdentities(config: FrontendTlsConfig): readonly Identity[] {
  return certificatesOf(config).map((certificate) => ({
    names: certificate.names,
    context: createSecureContext(contextOptions(config, certificate)),
  }));
}

function contextOptions(
  { min_version, client_ca }: FrontendTlsConfig,
  { cert, key }: CertificateConfig,
): { cert: Buffer; key: Buffer; minVersion: 'TLSv1.2' | 'TLSv1.3'; ca?: Buffer } {
  return {
    cert: readFileSync(cert),
    key: readFileSync(key),
    minVersion: min_version === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ...(client_ca !== '' && { ca: readFileSync(client_ca) }),
  };
}

/** Size and time of every file, which change when one is replaced. */
function fingerprintOf(config: FrontendTlsConfig): string {
  const files = certificatesOf(config).flatMap(({ cert, key }) => [cert, key]);
  if (config.client_ca !== '') files.push(config.client_ca);
  return files
    .map((file) => {
      const { mtimeMs, size, ino } = statSync(file);
      return `${mtimeMs} ${size} ${ino}`;
    })
    .join(' ');
}

function covers(own: string, wanted: string): boolean {
  if (own === wanted) return true;
  // A wildcard of a certificate stands for exactly one label (RFC 9525, section 6.3).
  return own.startsWith('*.') && wanted.slice(wanted.indexOf('.')) === own.slice(1);
}

/** The four numbers that no two open connections share. */
function keyOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
