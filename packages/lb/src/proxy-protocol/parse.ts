/**
 * Reads PROXY protocol headers of versions 1 and 2 from the start of a connection.
 *
 * The parser is called again with all bytes so far whenever more arrive, so it works however the
 * header was cut into segments. It decides as early as it can: a wrong first byte is enough.
 *
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net';
import { crc32c } from './crc32c.ts';
import {
  type ProxyEndpoints,
  type ProxyHeader,
  type ProxyTlvs,
  TLV,
  V1_MAX_BYTES,
  V2_PREFIX_BYTES,
  V2_SIGNATURE,
} from './header.ts';
import { bytesToIp } from './ip-bytes.ts';

/** What the bytes so far amount to. */
export type ProxyParse =
  | { readonly state: 'more' }
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'done'; readonly header: ProxyHeader; readonly headerBytes: number };

/** Longest version 2 header that is accepted, addresses and fields together. */
const V2_MAX_BYTES = 4096;

const MORE: ProxyParse = { state: 'more' };

/**
 * Reads a header.
 *
 * @param bytes - Everything received so far.
 * @param accept - Versions that may come.
 */
export function parseProxyHeader(bytes: Buffer, accept: 'v1' | 'v2' | 'any'): ProxyParse {
  if (bytes.length === 0) return MORE;
  const isV2 = bytes[0] === V2_SIGNATURE[0];
  if (isV2 && accept !== 'v1') return parseV2(bytes);
  if (!isV2 && accept !== 'v2') return parseV1(bytes);
  return invalid(`not a ${accept === 'any' ? '' : `${accept} `}header`);
}

function parseV1(bytes: Buffer): ProxyParse {
  const start = 'PROXY ';
  const seen = bytes.toString('latin1', 0, Math.min(start.length, bytes.length));
  if (!start.startsWith(seen)) return invalid('not a header');
  const lineBreak = bytes.indexOf('\n');
  if (lineBreak === -1) {
    return bytes.length >= V1_MAX_BYTES ? invalid('no line break in 107 bytes') : MORE;
  }
  if (lineBreak >= V1_MAX_BYTES) return invalid('no line break in 107 bytes');
  if (bytes[lineBreak - 1] !== CARRIAGE_RETURN) return invalid('line feed without carriage return');
  const headerBytes = lineBreak + 1;
  const line = bytes.toString('latin1', 0, lineBreak - 1);
  if (/^PROXY UNKNOWN( |$)/.test(line)) return done({ version: 1, tlvs: {} }, headerBytes);
  const endpoints = readV1Endpoints(line);
  if (!endpoints) return invalid('malformed addresses');
  return done({ version: 1, endpoints, tlvs: {} }, headerBytes);
}

const CARRIAGE_RETURN = 0x0d;

function readV1Endpoints(line: string): ProxyEndpoints | undefined {
  const match = /^PROXY (TCP[46]) (\S+) (\S+) (\d+) (\d+)$/.exec(line);
  if (!match) return undefined;
  const [, family, sourceIp = '', destinationIp = '', sourcePort = '', destinationPort = ''] =
    match;
  const isIp = family === 'TCP4' ? isIPv4 : isIPv6;
  const isSound =
    isIp(sourceIp) && isIp(destinationIp) && isPort(sourcePort) && isPort(destinationPort);
  if (!isSound) return undefined;
  return {
    source: { ip: sourceIp, port: Number(sourcePort) },
    destination: { ip: destinationIp, port: Number(destinationPort) },
  };
}

/** Decimal without leading zeros. */
function isPort(digits: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(digits) && Number(digits) <= 65_535;
}

/** Bytes of the address block, by family: unspecified, IPv4, IPv6, unix. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;

function parseV2(bytes: Buffer): ProxyParse {
  const signed = Math.min(bytes.length, V2_SIGNATURE.length);
  if (bytes.compare(V2_SIGNATURE, 0, signed, 0, signed) !== 0) return invalid('not a header');
  if (bytes.length < V2_PREFIX_BYTES) return MORE;
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0x0f;
  const bodyBytes = bytes.readUInt16BE(14);
  if (version !== 2) return invalid(`version ${version}`);
  if (command > 1) return invalid(`command ${command}`);
  if (family > 3) return invalid(`family ${family}`);
  if (transport > 2) return invalid(`transport ${transport}`);
  const isLocal = command === 0;
  if (!isLocal && bodyBytes < ADDRESS_BYTES[family]!) return invalid('addresses cut short');
  const headerBytes = V2_PREFIX_BYTES + bodyBytes;
  if (headerBytes > V2_MAX_BYTES) return invalid(`longer than ${V2_MAX_BYTES} bytes`);
  if (bytes.length < headerBytes) return MORE;
  // What a LOCAL header carries is the sender's own business.
  if (isLocal) return done({ version: 2, tlvs: {} }, headerBytes);
  return readV2Body(bytes.subarray(0, headerBytes), family);
}

function readV2Body(header: Buffer, family: number): ProxyParse {
  const addressBytes = ADDRESS_BYTES[family]!;
  const tlvs = readTlvs(header, V2_PREFIX_BYTES + addressBytes);
  if (typeof tlvs === 'string') return invalid(tlvs);
  const endpoints = readV2Endpoints(
    header.subarray(V2_PREFIX_BYTES, V2_PREFIX_BYTES + addressBytes),
    family,
  );
  return done({ version: 2, ...(endpoints && { endpoints }), tlvs }, header.length);
}

/** `undefined` for families without an IP address. */
function readV2Endpoints(block: Buffer, family: number): ProxyEndpoints | undefined {
  if (family !== 1 && family !== 2) return undefined;
  const ipBytes = family === 1 ? 4 : 16;
  return {
    source: { ip: bytesToIp(block.subarray(0, ipBytes)), port: block.readUInt16BE(2 * ipBytes) },
    destination: {
      ip: bytesToIp(block.subarray(ipBytes, 2 * ipBytes)),
      port: block.readUInt16BE(2 * ipBytes + 2),
    },
  };
}

/** @returns What is wrong when it is a text. */
function readTlvs(header: Buffer, start: number): ProxyTlvs | string {
  const tlvs: { authority?: string; alpn?: string; uniqueId?: Uint8Array } = {};
  let offset = start;
  while (offset < header.length) {
    if (offset + 3 > header.length) return 'field cut short';
    const type = header[offset]!;
    const valueStart = offset + 3;
    const valueEnd = valueStart + header.readUInt16BE(offset + 1);
    if (valueEnd > header.length) return 'field runs past the end';
    const value = header.subarray(valueStart, valueEnd);
    if (type === TLV.authority) tlvs.authority = value.toString('utf8');
    else if (type === TLV.alpn) tlvs.alpn = value.toString('latin1');
    else if (type === TLV.uniqueId) {
      if (value.length > 128) return 'unique id longer than 128 bytes';
      tlvs.uniqueId = Uint8Array.from(value);
    } else if (type === TLV.crc32c && !hasRightChecksum(header, valueStart, value)) {
      return 'wrong checksum';
    }
    offset = valueEnd;
  }
  return tlvs;
}

/** The checksum covers the whole header with its own four bytes as zeros. */
function hasRightChecksum(header: Buffer, valueStart: number, value: Buffer): boolean {
  if (value.length !== 4) return false;
  const zeroed = Buffer.from(header).fill(0, valueStart, valueStart + 4);
  return crc32c(zeroed) === value.readUInt32BE(0);
}

function done(header: ProxyHeader, headerBytes: number): ProxyParse {
  return { state: 'done', header, headerBytes };
}

function invalid(reason: string): ProxyParse {
  return { state: 'invalid', reason };
}
