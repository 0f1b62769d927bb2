/**
 * What a PROXY protocol header says, whichever version wrote it.
 *
 * Source: W. Tarreau, "The PROXY protocol, versions 1 & 2", 2020.
 *
 * @module
 */

/** An IP address and a port. */
export interface ProxyEndpoint {
  readonly ip: string;
  readonly port: number;
}

/** Who connected to whom, as seen by the first proxy. Both are of one family. */
export interface ProxyEndpoints {
  readonly source: ProxyEndpoint;
  readonly destination: ProxyEndpoint;
}

/** Fields of a version 2 header beside the addresses. */
export interface ProxyTlvs {
  /** Host name that the client asked for (SNI). */
  readonly authority?: string;
  readonly alpn?: string;
  /** Up to 128 bytes. */
  readonly uniqueId?: Uint8Array;
  readonly ssl?: ProxySsl;
}

/** The client's TLS session, where a proxy ended it. */
export interface ProxySsl {
  /** `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** Common name of the client's certificate; absent without one. */
  readonly commonName?: string;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Absent when the header tells to use the socket's own addresses (LOCAL, UNKNOWN). */
  readonly endpoints?: ProxyEndpoints;
  readonly tlvs: ProxyTlvs;
}

/** The first twelve bytes of every version 2 header: no text protocol starts like this. */
export const V2_SIGNATURE: Buffer = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Bytes before the addresses of a version 2 header. */
export const V2_PREFIX_BYTES = 16;

/** Longest version 1 header, its line break included. */
export const V1_MAX_BYTES = 107;

/** Types of the fields after the addresses. */
export const TLV = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
} as const;
