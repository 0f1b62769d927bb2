/**
 * TLS to the servers of a backend.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { BackendTlsConfig, Server } from '@balancer/lb';
import { noteUnderlying } from './sockets.ts';

export class TlsClient {
  private readonly config: BackendTlsConfig;
  private readonly context: SecureContext;

  /** @throws {Error} The file of authorities cannot be read. */
  constructor(config: BackendTlsConfig) {
    this.config = config;
    this.context = createSecureContext(config.ca === '' ? {} : { ca: readFileSync(config.ca) });
  }

  /** Starts the handshake on a connected socket; `secureConnect` or `error` follows. */
  secure(raw: Socket, server: Server): TLSSocket {
    const { verify, servername } = this.config;
    const host = server.endpoint.kind === 'inet' ? server.endpoint.host : '';
    const name = servername === '' ? host : servername;
    const socket = connect({
      socket: raw,
      secureContext: this.context,
      rejectUnauthorized: verify,
      host: name,
      // An address is compared with the certificate and never sent as a name (RFC 6066, section 3).
      ...(isIP(name) === 0 && name !== '' && { servername: name }),
    });
    noteUnderlying(socket, raw);
    return socket;
  }
}
