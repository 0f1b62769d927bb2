/**
 * The health check of one server, from the settings of its backend.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Address, CheckConnection, CheckSpec, CheckTls } from '@balancer/kit';
import type {
  BackendConfig,
  BackendTlsConfig,
  HealthCheckType,
  HealthConfig,
  ProxyProtocolOut,
} from './config/types.ts';
import { writeProxyV1, writeProxyV2Local } from './proxy-protocol/write.ts';
import type { Server } from './server.ts';

/** What a check is made of. */
interface Parts {
  readonly health: HealthConfig;
  readonly common: {
    readonly target: Address;
    readonly timeoutMs: number;
    readonly sourceAddress?: string;
    readonly preamble?: (connection: CheckConnection) => Uint8Array;
  };
  readonly host: { readonly host?: string };
  /** Whoever is relayed to in TLS is asked in TLS. */
  readonly tls: { readonly tls?: CheckTls };
  /** For checks that speak TLS whatever the backend does. */
  readonly anyTls: { readonly tls: CheckTls };
}

const SPECS: { readonly [T in HealthCheckType]: (parts: Parts) => CheckSpec } = {
  tcp: ({ common }) => ({ type: 'tcp', ...common }),
  tls: ({ common, anyTls }) => ({ type: 'tls', ...common, ...anyTls }),
  send_expect: ({ health: { send, expect }, common, tls }) => ({
    type: 'send_expect',
    send,
    expect,
    ...common,
    ...tls,
  }),
  http: ({ health: { path, status }, common, host, tls }) => ({
    type: 'http',
    path,
    status,
    ...host,
    ...common,
    ...tls,
  }),
  https: ({ health: { path, status }, common, host, anyTls }) => ({
    type: 'http',
    path,
    status,
    ...host,
    ...common,
    ...anyTls,
  }),
  udp: ({ health: { send, expect }, common }) => ({ type: 'udp', send, expect, ...common }),
  ping: ({ common }) => ({ type: 'ping', ...common }),
  exec: ({ health: { command }, common }) => ({ type: 'exec', command, ...common }),
};

export function checkOf(server: Server, config: BackendConfig): CheckSpec {
  const { health, source_addr } = config;
  const version = server.config.send_proxy_protocol ?? config.send_proxy_protocol;
  const tls = config.tls ? { tls: tlsOf(config.tls, health.host) } : {};
  return SPECS[health.type]({
    health,
    common: {
      target: targetOf(server.endpoint, health.port),
      timeoutMs: health.timeout,
      ...(source_addr !== '' && { sourceAddress: source_addr }),
      ...(version !== 'off' && { preamble: preambleOf(version) }),
    },
    host: health.host === '' ? {} : { host: health.host },
    tls,
    anyTls: { tls: { verify: false, ...nameOf(health.host) }, ...tls },
  });
}

/** The TLS of the backend's connections; the name that the check asks for goes before theirs. */
function tlsOf({ verify, servername, ca }: BackendTlsConfig, host: string): CheckTls {
  return {
    verify,
    ...(servername !== '' && { servername }),
    ...nameOf(host),
    ...authorityIn(ca),
  };
}

/** A file that went away since the configuration was read fails the checks, not the reload. */
function authorityIn(file: string): Pick<CheckTls, 'ca'> {
  if (file === '') return {};
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch {
    return {};
  }
}

function nameOf(host: string): Pick<CheckTls, 'servername'> {
  return host === '' ? {} : { servername: host.replace(/:\d+$/, '') };
}

/** The header by which a server that expects one knows that the connection is the balancer's own. */
function preambleOf(
  version: Exclude<ProxyProtocolOut, 'off'>,
): (connection: CheckConnection) => Uint8Array {
  if (version === 'v2') return writeProxyV2Local;
  return ({ localAddress, localPort, remoteAddress, remotePort }) =>
    writeProxyV1({
      source: { ip: localAddress, port: localPort },
      destination: { ip: remoteAddress, port: remotePort },
    });
}

function targetOf(endpoint: Address, port: number): Address {
  return endpoint.kind === 'unix' || port === 0 ? endpoint : { ...endpoint, port };
}
