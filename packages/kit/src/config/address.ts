/**
 * Addresses to listen on and to connect to, as configuration files write them.
 *
 * @module
 */
import type { ListenOptions } from 'node:net';
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { show } from './show.ts';

/** A host and a port. */
export interface InetAddress {
  readonly kind: 'inet';
  /** IPv4 or IPv6 literal without brackets, a name, or `''` for every interface of both families. */
  readonly host: string;
  /** 0..65535; 0 lets the system choose when listening. */
  readonly port: number;
}

/** A unix stream socket. */
export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}

export type Address = InetAddress | UnixAddress;

/** Result of reading an address: the address, or what is wrong with the text. */
export type AddressResult =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly message: string };

/**
 * Reads `host:port`, `[::1]:port`, `:port` (every interface) or `unix:/path`.
 *
 * @returns The address or a message of the form `needs "host:port"; got "127.0.0.1"`. Never throws.
 */
export function parseAddress(text: string): AddressResult {
  if (text.startsWith('unix:')) return parseUnixAddress(text);
  const match = /^(?:\[([^[\]]*)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  if (match === null) return { ok: false, message: needs(text) };
  const [, bracketed, plain, digits] = match;
  if (bracketed !== undefined && !isIPv6(bracketed)) return { ok: false, message: needs(text) };
  const port = Number(digits);
  if (port > 65535) {
    return { ok: false, message: `port must be an integer from 0 to 65535; got ${port}` };
  }
  return { ok: true, address: { kind: 'inet', host: bracketed ?? plain ?? '', port } };
}

/** The text that `parseAddress` reads back as the same address. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Node's listen options: `:3000` opens both families on one socket, `[::]:3000` IPv6 alone. */
export function listenOptions(address: Address): ListenOptions {
  if (address.kind === 'unix') return { path: address.path };
  if (address.host === '') return { host: '::', port: address.port, ipv6Only: false };
  return { host: address.host, port: address.port, ipv6Only: isIPv6(address.host) };
}

/** True for 127.0.0.0/8, ::1, `localhost` and unix sockets: reachable from this machine only. */
export function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true;
  const host = address.host.toLowerCase();
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Schema of an address to listen on: every form that `parseAddress` reads. */
export function listenAddress(): z.ZodType<Address, string> {
  return addressCodec(() => null);
}

/** Schema of an address to connect to: as `listenAddress`, with a host and a port above 0. */
export function endpointAddress(): z.ZodType<Address, string> {
  return addressCodec((address, text) => {
    if (address.kind === 'unix' || (address.host !== '' && address.port > 0)) return null;
    return address.host === ''
      ? needs(text)
      : `port must be an integer from 1 to 65535; got ${address.port}`;
  });
}

function addressCodec(
  refuse: (address: Address, text: string) => string | null,
): z.ZodType<Address, string> {
  return z.codec(z.string({ error: ({ input }) => needs(input) }), z.custom<Address>(isAddress), {
    decode: (text, context) => {
      const result = parseAddress(text);
      const message = result.ok ? refuse(result.address, text) : result.message;
      if (result.ok && message === null) return result.address;
      context.issues.push({ code: 'custom', message: message ?? '', input: text });
      return z.NEVER;
    },
    encode: formatAddress,
  });
}

/** Tells an address from a list of them, when a schema allows both and is used to write. */
function isAddress(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function parseUnixAddress(text: string): AddressResult {
  const path = text.slice('unix:'.length);
  // sun_path holds 108 bytes with the closing NUL (unix(7)).
  if (path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= 107) {
    return { ok: true, address: { kind: 'unix', path } };
  }
  return {
    ok: false,
    message: `needs "unix:" and an absolute path of at most 107 bytes; got ${show(text)}`,
  };
}

function needs(input: unknown): string {
  return `needs "host:port"; got ${show(input)}`;
}
