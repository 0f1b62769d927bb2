/**
 * Names of hosts and ports in lists, as `ipvsadm` prints them without `-n`: what the resolver of this host and
 * `/etc/services` know. What has no name stays a number.
 *
 * @module
 */
import { lookupService } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { formatEndpoint, type Protocol } from '../desired.ts';

/** The text of an address and a port. */
export type NameOf = (address: string, port: number, protocol: Protocol) => string;

/** Numbers, as with `-n`. */
export const numbersOf: NameOf = formatEndpoint;

/** Longest wait for all names together; a list is not to hang on a resolver that does not answer. */
const RESOLVE_MS = 3000;

/** Asks for the names of addresses, all at once. */
export async function namesOf(addresses: Iterable<string>): Promise<NameOf> {
  const hosts = new Map<string, string>();
  const asked = [...new Set(addresses)].map(async (address) => {
    const { hostname } = await lookupService(address, 0);
    // Without a name some resolvers give the address back.
    if (isIP(hostname) === 0) hosts.set(address, hostname);
  });
  const deadline = AbortSignal.timeout(RESOLVE_MS);
  const late = new Promise((resolve) => deadline.addEventListener('abort', resolve));
  await Promise.race([Promise.allSettled(asked), late]);
  const ports = portNames();
  // What is resolved after the deadline must not appear in half of a list.
  const known = new Map(hosts);
  return (address, port, protocol) => {
    const name = ports.get(`${port}/${protocol}`);
    const host = known.get(address) ?? (address.includes(':') ? `[${address}]` : address);
    return `${host}:${name ?? port}`;
  };
}

/** Number of a port's name; `undefined` when `/etc/services` does not have it. */
export function portByName(name: string, protocol: Protocol): number | undefined {
  const row = serviceRows().find((each) => each.protocol === protocol && each.name === name);
  return row?.port;
}

/** The first name of each port, by `80/tcp`. */
function portNames(): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name, port, protocol } of serviceRows()) {
    const key = `${port}/${protocol}`;
    if (!names.has(key)) names.set(key, name);
  }
  return names;
}

function serviceRows(): { name: string; port: number; protocol: string }[] {
  const rows = readServices().matchAll(/^([\w-]+)\s+(\d+)\/(tcp|udp)\b/gm);
  return [...rows].map(([, name = '', port, protocol = '']) => ({
    name,
    port: Number(port),
    protocol,
  }));
}

function readServices(): string {
  try {
    return readFileSync('/etc/services', 'utf8');
  } catch {
    return '';
  }
}
