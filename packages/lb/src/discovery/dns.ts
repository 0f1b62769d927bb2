/**
 * Servers from DNS: every address of a name, every target of a service.
 *
 * @module
 */
import { lookup, Resolver } from 'node:dns/promises';
import { parseAddress } from '@balancer/kit';
import type { ServerEntry } from '../backend.ts';
import { completeServer } from '../config/defaults.ts';
import type { ServerConfig } from '../config/types.ts';
import type { Found } from './source.ts';

/** What is asked of DNS. A part of `node:dns`' resolver, so that a test can bring its own. */
export type DnsResolver = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveSrv'>;

/** However short or long a record says it lives, names are asked again within these bounds. */
const AGAIN_MIN_MS = 5000;
const AGAIN_MAX_MS = 300_000;

/** Names from other sources than DNS say nothing of how long they live. */
const AGAIN_WITHOUT_TTL_MS = 30_000;

/** The addresses of a name, and when to ask again. */
interface Addresses {
  readonly ips: readonly string[];
  readonly againMs: number;
}

/**
 * Every address of `name:port` as a server `name#ip`.
 *
 * @param template - Everything but the address.
 * @throws {Error} The name cannot be resolved.
 */
export async function resolveServers(
  target: { readonly name: string; readonly host: string; readonly port: number },
  template: ServerConfig,
  resolver: DnsResolver,
): Promise<Found> {
  const { ips, againMs } = await addressesOf(target.host, resolver);
  const entries = ips.map((ip) =>
    entryFor(`${target.name}#${ip}`, { ip, port: target.port }, template),
  );
  return { entries, againMs };
}

/** The targets of a service name (RFC 2782), with the priority and weight of their records. */
export async function resolveService(service: string, resolver: DnsResolver): Promise<Found> {
  const records = await resolver.resolveSrv(service);
  const resolved = await Promise.all(
    records.map(async ({ name, port, priority, weight }) => {
      // Weight 0 is the smallest share in DNS and none at all here.
      const template = completeServer({ priority, weight: Math.max(1, weight) });
      return resolveServers({ name: `${name}:${port}`, host: name, port }, template, resolver);
    }),
  );
  return {
    entries: resolved.flatMap(({ entries }) => entries),
    againMs: Math.min(AGAIN_MAX_MS, ...resolved.map(({ againMs }) => againMs)),
  };
}

/** Splits `host:port`. @throws {Error} It is no such thing. */
export function splitName(name: string): { readonly host: string; readonly port: number } {
  const parsed = parseAddress(name);
  if (parsed.ok && parsed.address.kind === 'inet' && parsed.address.host !== '')
    return parsed.address;
  throw new Error(parsed.ok ? `needs "host:port"; got "${name}"` : parsed.message);
}

async function addressesOf(host: string, resolver: DnsResolver): Promise<Addresses> {
  const [v4, v6] = await Promise.allSettled([
    resolver.resolve4(host, { ttl: true }),
    resolver.resolve6(host, { ttl: true }),
  ]);
  const records = [v4, v6].flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (records.length > 0) {
    const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000;
    return {
      ips: records.map(({ address }) => address).toSorted(),
      againMs: Math.min(AGAIN_MAX_MS, Math.max(AGAIN_MIN_MS, ttlMs)),
    };
  }
  if (v4.status === 'rejected' && !isAbsent(v4.reason)) throw v4.reason;
  // Not in DNS: the hosts file, or whatever else the system asks.
  const found = await lookup(host, { all: true });
  return {
    ips: found.map(({ address }) => address).toSorted(),
    againMs: AGAIN_WITHOUT_TTL_MS,
  };
}

function isAbsent(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return code === 'ENOTFOUND' || code === 'ENODATA' || code === 'ECONNREFUSED';
}

function entryFor(
  name: string,
  { ip, port }: { readonly ip: string; readonly port: number },
  template: ServerConfig,
): ServerEntry {
  return { name, config: { ...template, addr: { kind: 'inet', host: ip, port } } };
}
