/**
 * The keys of services that are found by a rule.
 *
 * @module
 */
import type { Protocol, ServiceKey } from './desired.ts';
import { type Match, readMatch } from './match.ts';

/** @throws {PlaneError} as `readMatch`. */
export function matchKey(text: string): ServiceKey & { readonly match: Match } {
  const { protocol, family, match } = readMatch(text);
  return { protocol: protocolOf(protocol, family), address: anyAddress(family), port: 0, match };
}

/** What stands where other services have their address. */
export function anyAddress(family: 4 | 6): string {
  return family === 4 ? '0.0.0.0' : '::';
}

/** The protocol of a family that people mean. */
export function protocolOf(protocol: 'tcp' | 'udp' | 'icmp', family: 4 | 6): Protocol {
  return protocol === 'icmp' && family === 6 ? 'icmpv6' : protocol;
}
