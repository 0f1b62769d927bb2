/**
 * The PROXY header that tells a server who its client is.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { unmapIp } from '@balancer/kit';
import {
  type BackendConfig,
  type ProxyEndpoints,
  type ProxySsl,
  type ProxyTlvs,
  type Server,
  writeProxyV1,
  writeProxyV2,
} from '@balancer/lb';
import type { Introduction } from './preamble.ts';

export interface GreetingOptions {
  readonly server: Server;
  readonly config: BackendConfig;
  readonly client: Socket;
  readonly introduction: Introduction;
  /** Identity of the connection, for the `unique_id` field. */
  readonly connectionId: string;
  /** The client's TLS session, where it ends here. */
  readonly ssl: ProxySsl | undefined;
}

const NO_GREETING = Buffer.alloc(0);

/** The header for a new connection; empty when the server wants none. */
export function greetingFor(options: GreetingOptions): Buffer {
  const { server, config, introduction, client } = options;
  const version = server.config.send_proxy_protocol ?? config.send_proxy_protocol;
  if (version === 'off') return NO_GREETING;
  const endpoints = introduction.announced ?? endpointsOf(client);
  if (version === 'v1') return writeProxyV1(endpoints);
  const checksum = config.proxy_protocol_tlv.includes('crc32c');
  return writeProxyV2(endpoints, { tlvs: tlvsOf(options), checksum });
}

/** `undefined` for unix sockets, which have no addresses to tell. */
function endpointsOf({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
}: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>):
  | ProxyEndpoints
  | undefined {
  if (remoteAddress === undefined || localAddress === undefined) return undefined;
  return {
    source: { ip: unmapIp(remoteAddress), port: remotePort ?? 0 },
    destination: { ip: unmapIp(localAddress), port: localPort ?? 0 },
  };
}

/** The fields that the backend asks for, as far as they are known. */
function tlvsOf({ config, introduction, connectionId, ssl }: GreetingOptions): ProxyTlvs {
  const wants = (name: BackendConfig['proxy_protocol_tlv'][number]): boolean =>
    config.proxy_protocol_tlv.includes(name);
  const authority = introduction.hello.serverName || introduction.tlvs.authority;
  const alpn = introduction.hello.alpn[0] ?? introduction.tlvs.alpn;
  return {
    ...(wants('authority') && authority && { authority }),
    ...(wants('alpn') && alpn !== undefined && { alpn }),
    ...(wants('unique_id') && {
      uniqueId: introduction.tlvs.uniqueId ?? Buffer.from(connectionId),
    }),
    ...(wants('ssl') && ssl && { ssl }),
  };
}
