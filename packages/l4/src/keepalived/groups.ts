/**
 * The named groups of addresses of keepalived.conf and of DPVS's dialect of it.
 *
 * @module
 */
import { isIP } from 'node:net';
import type { Address } from '@balancer/kit';
import { addressOf, expandRange } from './addresses.ts';
import type { Section } from './section.ts';
import type { Statement } from './syntax.ts';

type InetAddress = Extract<Address, { kind: 'inet' }>;

export class AddressGroups {
  readonly #services: ReadonlyMap<string, readonly InetAddress[]>;
  readonly #lists: ReadonlyMap<string, readonly string[]>;

  constructor(root: Section) {
    this.#services = byName(root.sections('virtual_server_group'), (section) => {
      section.drop('ip_family');
      return section.lines().flatMap((line) => endpointsOf(line, section));
    });
    this.#lists = byName(
      root.sections('local_address_group', 'deny_address_group', 'allow_address_group'),
      (section) => section.lines().flatMap((line) => entriesOf(line, section)),
    );
  }

  /** Addresses and ports of a `virtual_server_group`. */
  endpoints(name: string): readonly InetAddress[] | undefined {
    return this.#services.get(name);
  }

  /** Addresses, ranges or networks of a group of the other kinds. */
  list(name: string): readonly string[] | undefined {
    return this.#lists.get(name);
  }
}

function byName<T>(
  sections: readonly Section[],
  read: (section: Section) => readonly T[],
): ReadonlyMap<string, readonly T[]> {
  return new Map(sections.map((section) => [section.words[0] ?? '', read(section)]));
}

/** `192.0.2.1 80` or `192.0.2.1-5 80`. */
function endpointsOf(line: Statement, section: Section): readonly InetAddress[] {
  const [first = '', port] = line.words;
  if (first === 'ip_family') return [];
  if (first === 'fwmark') {
    section.note(line.words.join(' '), 'packets are told apart by address and port', line);
    return [];
  }
  const hosts = expandRange(first) ?? [];
  const endpoints = hosts.flatMap((host) => addressOf([host, ...(port ? [port] : [])]) ?? []);
  if (endpoints.length === 0) {
    section.note(line.words.join(' '), 'is no address or range with a port', line);
  }
  return endpoints;
}

/** `192.0.2.1`, `192.0.2.1-192.0.2.9`, `192.0.2.1-9` or `192.0.2.0/24`, with an interface behind. */
function entriesOf(line: Statement, section: Section): readonly string[] {
  const [entry = ''] = line.words;
  const [address = '', length] = entry.split('/');
  if (length !== undefined && isIP(address) !== 0) return [entry];
  const range = expandRange(entry);
  if (!range) {
    section.note(line.words.join(' '), 'is no address, range or network', line);
    return [];
  }
  return range;
}
