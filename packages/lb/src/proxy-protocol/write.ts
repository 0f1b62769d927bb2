/**
 * Writes PROXY protocol headers.
 *
 * @module
 */
import { crc32c } from './crc32c.ts';
import {
  type ProxyEndpoints,
  type ProxySsl,
  type ProxyTlvs,
  TLV,
  V2_PREFIX_BYTES,
  V2_SIGNATURE,
} from './header.ts';
import { ipToBytes } from './ip-bytes.ts';

/** What a version 2 header carries beside the addresses. */
export interface WriteV2Options {
  readonly transport?: 'stream' | 'datagram';
  readonly tlvs?: ProxyTlvs;
  readonly checksum?: boolean;
}

const VERSION_2 = 0x20;
const COMMAND = { local: 0, proxy: 1 } as const;
const FAMILY = { unspecified: 0, inet: 1, inet6: 2 } as const;

/**
 * The line of version 1. Addresses of two families, or none, give `PROXY UNKNOWN`.
 *
 * @param endpoints - Absent when nothing is known of the client.
 */
export function writeProxyV1(endpoints: ProxyEndpoints | undefined): Buffer {
  const bytes = endpoints && addressesOf(endpoints);
  if (!endpoints || !bytes) return Buffer.from('PROXY UNKNOWN\r\n');
  const { source, destination } = endpoints;
  const family = bytes.source.length === 4 ? 'TCP4' : 'TCP6';
  const ports = `${source.port} ${destination.port}`;
  return Buffer.from(`PROXY ${family} ${source.ip} ${destination.ip} ${ports}\r\n`);
}

/** A version 2 header for a connection on behalf of a client. */
export function writeProxyV2(
  endpoints: ProxyEndpoints | undefined,
  { transport = 'stream', tlvs = {}, checksum = false }: WriteV2Options = {},
): Buffer {
  const addresses = endpoints && addressesOf(endpoints);
  const family = addresses ? familyOf(addresses.source) : FAMILY.unspecified;
  const transportCode = addresses ? (transport === 'stream' ? 1 : 2) : 0;
  const block = addresses ? addressBlock(endpoints, addresses) : Buffer.alloc(0);
  const fields = fieldsOf(tlvs);
  const placeholder = checksum ? field(TLV.crc32c, Buffer.alloc(4)) : Buffer.alloc(0);
  const body = Buffer.concat([block, placeholder, ...fields]);
  const header = withPrefix(COMMAND.proxy, (family << 4) | transportCode, body);
  // The checksum comes first, so its value stands three bytes after the addresses.
  if (checksum) header.writeUInt32BE(crc32c(header), V2_PREFIX_BYTES + block.length + 3);
  return header;
}

/** A version 2 header for a connection of the proxy's own, such as a health check. */
export function writeProxyV2Local(): Buffer {
  return withPrefix(COMMAND.local, 0, Buffer.alloc(0));
}

interface AddressBytes {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

function addressesOf({ source, destination }: ProxyEndpoints): AddressBytes | undefined {
  const bytes = { source: ipToBytes(source.ip), destination: ipToBytes(destination.ip) };
  if (!bytes.source || bytes.source.length !== bytes.destination?.length) return undefined;
  return { source: bytes.source, destination: bytes.destination };
}

function familyOf(ip: Uint8Array): number {
  return ip.length === 4 ? FAMILY.inet : FAMILY.inet6;
}

function addressBlock({ source, destination }: ProxyEndpoints, bytes: AddressBytes): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return Buffer.concat([bytes.source, bytes.destination, ports]);
}

function withPrefix(command: number, familyAndTransport: number, body: Buffer): Buffer {
  const prefix = Buffer.alloc(V2_PREFIX_BYTES);
  V2_SIGNATURE.copy(prefix);
  prefix[12] = VERSION_2 | command;
  prefix[13] = familyAndTransport;
  prefix.writeUInt16BE(body.length, 14);
  return Buffer.concat([prefix, body]);
}

function fieldsOf({ alpn, authority, uniqueId, ssl }: ProxyTlvs): Buffer[] {
  const fields: Buffer[] = [];
  if (alpn !== undefined) fields.push(field(TLV.alpn, Buffer.from(alpn, 'latin1')));
  if (authority !== undefined) fields.push(field(TLV.authority, Buffer.from(authority)));
  if (uniqueId) fields.push(field(TLV.uniqueId, uniqueId));
  if (ssl) fields.push(field(TLV.ssl, sslValue(ssl)));
  return fields;
}

/** Bits of the ssl field's first byte. */
const SSL_CLIENT = { connectedOverTls: 1, sentCertificate: 2 } as const;

function sslValue({ version, cipher, commonName }: ProxySsl): Buffer {
  const head = Buffer.alloc(5);
  head[0] =
    SSL_CLIENT.connectedOverTls | (commonName === undefined ? 0 : SSL_CLIENT.sentCertificate);
  // Four bytes of 0 follow: the certificate, if any, was verified.
  return Buffer.concat([
    head,
    field(TLV.sslVersion, Buffer.from(version)),
    ...(commonName === undefined ? [] : [field(TLV.sslCommonName, Buffer.from(commonName))]),
    field(TLV.sslCipher, Buffer.from(cipher)),
  ]);
}

function field(type: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(3);
  head[0] = type;
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}
