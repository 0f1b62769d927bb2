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
import { type ClientHello, ClientHelloReader, HELLO_MAX_BYTES } from './client-hello.ts';
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
  /** Absent where no name is asked for. */
  private readonly hello: ClientHelloReader | undefined;
  /** Everything so far that is not a PROXY header: the used part of `memory`. */
  private bytes: Buffer = NO_BYTES;
  private memory: Buffer = NO_BYTES;
  private expectsHeader: boolean;
  private announced: ProxyEndpoints | undefined;
  private tlvs: ProxyTlvs = {};

  /** @param config - Decides what is expected. On TLS frontends the handshake tells the name. */
  constructor(config: FrontendConfig) {
    this.config = config;
    this.expectsHeader = config.proxy_protocol !== 'off';
    if (config.sni.length > 0 && config.protocol === 'tcp') this.hello = new ClientHelloReader();
  }

  /** Does a server wait for the client to speak first? */
  static isNeeded({ proxy_protocol, sni, protocol }: FrontendConfig): boolean {
    return proxy_protocol !== 'off' || (sni.length > 0 && protocol === 'tcp');
  }

  /** Takes further bytes, which are copied. */
  feed(bytes: Buffer): PreambleState {
    this.append(bytes);
    return this.expectsHeader ? this.readHeader() : this.readHello();
  }

  /** Grows twofold, so that bytes that come singly are not all copied again for each. */
  private append(bytes: Buffer): void {
    const { length } = this.bytes;
    const needed = length + bytes.length;
    if (this.memory.length < needed) {
      this.memory = Buffer.allocUnsafe(needed * 2);
      this.bytes.copy(this.memory);
    }
    bytes.copy(this.memory, length);
    this.bytes = this.memory.subarray(0, needed);
  }

  private readHeader(): PreambleState {
    const { proxy_protocol } = this.config;
    const parsed = parseProxyHeader(this.bytes, proxy_protocol === 'off' ? 'any' : proxy_protocol);
    if (parsed.state !== 'done') return parsed;
    this.expectsHeader = false;
    this.announced = parsed.header.endpoints;
    this.tlvs = parsed.header.tlvs;
    this.memory = this.memory.subarray(parsed.headerBytes);
    this.bytes = this.bytes.subarray(parsed.headerBytes);
    return this.readHello();
  }

  private readHello(): PreambleState {
    if (!this.hello) return this.done(NO_HELLO);
    if (this.bytes.length === 0) return { state: 'more' };
    const parsed = this.hello.read(this.bytes);
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
