/**
 * What a client says before a server is chosen: a PROXY header from a proxy in front, a ClientHello
 * whose server name decides the backend. The bytes are collected until both are known, and what is
 * not part of the PROXY header is forwarded unchanged.
 *
 * @module
 */
import {
  type FrontendConfig,
  parseProxyHeader,
  type ProxyEndpoints,
  type ProxyTlvs,
} from '@balancer/lb';
import { type ClientHello, HELLO_MAX_BYTES, parseClientHello } from './client-hello.ts';
import { routeByServerName } from './sni-routing.ts';

/** What is known of a client beyond its socket. */
export interface Introduction {
  /** Bytes that belong to the server. */
  readonly early: Buffer;
  /** Client and destination as a PROXY header announced them. */
  readonly announced?: ProxyEndpoints;
  readonly tlvs: ProxyTlvs;
  readonly hello: ClientHello;
  /** Name of the backend; `''` for none. */
  readonly backend: string;
}

export type PreambleState =
  | { readonly state: 'more' }
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'done'; readonly introduction: Introduction };

/** What a client that says nothing in advance is taken for; shared by all of them. */
const NO_BYTES = Buffer.alloc(0);
const NO_TLVS: ProxyTlvs = {};

const NO_HELLO: ClientHello = { serverName: '', alpn: [] };

export class Preamble {
  private readonly config: FrontendConfig;
  private readonly readsHello: boolean;
  private bytes: Buffer = Buffer.alloc(0);
  private expectsHeader: boolean;
  private announced: ProxyEndpoints | undefined;
  private tlvs: ProxyTlvs = {};

  /** @param config - Decides what is expected. On TLS frontends the handshake tells the name. */
  constructor(config: FrontendConfig) {
    this.config = config;
    this.expectsHeader = config.proxy_protocol !== 'off';
    this.readsHello = config.sni.length > 0 && config.protocol === 'tcp';
  }

  /** Does a server wait for the client to speak first? */
  static isNeeded({ proxy_protocol, sni, protocol }: FrontendConfig): boolean {
    return proxy_protocol !== 'off' || (sni.length > 0 && protocol === 'tcp');
  }

  /** Takes further bytes, which are copied. */
  feed(bytes: Buffer): PreambleState {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    return this.expectsHeader ? this.readHeader() : this.readHello();
  }

  private readHeader(): PreambleState {
    const { proxy_protocol } = this.config;
    const parsed = parseProxyHeader(this.bytes, proxy_protocol === 'off' ? 'any' : proxy_protocol);
    if (parsed.state !== 'done') return parsed;
    this.expectsHeader = false;
    this.announced = parsed.header.endpoints;
    this.tlvs = parsed.header.tlvs;
    this.bytes = this.bytes.subarray(parsed.headerBytes);
    return this.readHello();
  }

  private readHello(): PreambleState {
    if (!this.readsHello) return this.done(NO_HELLO);
    if (this.bytes.length === 0) return { state: 'more' };
    const parsed = parseClientHello(this.bytes);
    if (parsed.state === 'more' && this.bytes.length >= HELLO_MAX_BYTES) {
      return { state: 'invalid', reason: 'ClientHello too long' };
    }
    if (parsed.state === 'not_tls') return this.done(NO_HELLO);
    return parsed.state === 'done' ? this.done(parsed.hello) : parsed;
  }

  private done(hello: ClientHello): PreambleState {
    const { sni, backend } = this.config;
    const introduction: Introduction = {
      early: this.bytes,
      ...(this.announced && { announced: this.announced }),
      tlvs: this.tlvs,
      hello,
      backend: routeByServerName(sni, hello.serverName) ?? backend,
    };
    return { state: 'done', introduction };
  }
}

/** What is known of a client that need not introduce itself. */
export function unintroduced({ backend }: FrontendConfig): Introduction {
  return { early: NO_BYTES, tlvs: NO_TLVS, hello: NO_HELLO, backend };
}
