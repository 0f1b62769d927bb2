/**
 * Networks in CIDR notation, and the test whether an address lies in one of them.
 *
 * @module
 */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { show } from './show.ts';

/** True when an IP address, as a socket reports it, lies in one of the networks. */
export type CidrMatcher = (ip: string) => boolean;

/**
 * Schema of one network: `10.0.0.0/8`, `2001:db8::/32`, or a single address. The value stays the
 * text of the file, so that it can be compared, sent to a worker and printed.
 */
export function cidr(): z.ZodType<string, string> {
  return z.string().refine((text) => parseCidr(text) !== null, {
    error: (issue) =>
      `needs an address or a network such as "10.0.0.0/8"; got ${show(issue.input)}`,
  });
}

/** Schema of a list of networks. */
export function cidrList(): z.ZodType<string[], string[]> {
  return z.array(cidr());
}

/**
 * Compiles networks into one test. IPv4-mapped IPv6 addresses (`::ffff:10.0.0.1`, what a socket of
 * both families reports for an IPv4 client) match as IPv4.
 *
 * @throws {TypeError} if a network is not valid; `cidr()` lets none through.
 */
export function createCidrMatcher(networks: readonly string[]): CidrMatcher {
  const list = new BlockList();
  for (const network of networks) {
    const parsed = parseCidr(network);
    if (parsed === null) throw new TypeError(`not a network: ${JSON.stringify(network)}`);
    list.addSubnet(parsed.ip, parsed.prefix, parsed.family);
  }
  return (ip) => {
    const unmapped = unmapIp(ip);
    const version = isIP(unmapped);
    return version !== 0 && list.check(unmapped, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** `::ffff:192.0.2.1` as `192.0.2.1`; every other text as it is. */
export function unmapIp(ip: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
}

interface ParsedCidr {
  readonly ip: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

function parseCidr(text: string): ParsedCidr | null {
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text);
  if (match === null) return null;
  const [, ip = '', digits] = match;
  const version = isIP(ip);
  if (version === 0) return null;
  const prefixMax = version === 4 ? 32 : 128;
  const prefix = digits === undefined ? prefixMax : Number(digits);
  if (prefix > prefixMax) return null;
  return { ip, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}
