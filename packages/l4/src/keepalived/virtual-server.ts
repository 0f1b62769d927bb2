/**
 * One `virtual_server` with its `real_server`s as a frontend and a backend.
 *
 * @module
 */
import { isIP } from 'node:net';
import { type Address, formatAddress } from '@balancer/kit';
import {
  type BackendTable,
  type FrontendTable,
  LVS_SCHEDULERS,
  type LvsScheduler,
  type PacketMode,
  type ServerTable,
} from '@balancer/lb';
import { addressOf, prefixLength } from './addresses.ts';
import { type Checks, checksOf, NO_CHECKS, sameChecks } from './checkers.ts';
import type { AddressGroups } from './groups.ts';
import { tunnelOf } from './tunnel.ts';
import type { Section } from './section.ts';

type InetAddress = Extract<Address, { kind: 'inet' }>;

export interface ImportedService {
  readonly name: string;
  readonly frontend: FrontendTable;
  readonly backend: BackendTable;
}

const MODES: Readonly<Record<string, PacketMode>> = {
  NAT: 'nat',
  DR: 'dr',
  TUN: 'tunnel',
  FNAT: 'fnat',
};

/** What LVS takes where the file says nothing, and what stands in for schedulers that are missing. */
const SCHEDULER: LvsScheduler = 'wlc';
/** Schedulers that place by a key: by the client's address unless they are told to add the port. */
const KEYED: ReadonlySet<string> = new Set(['sh', 'dh', 'mh', 'conhash']);
/** Seconds for which a client stays where `persistence_timeout` names none. */
const PERSISTENCE_S = 360;

/** Modes in which SYNs can be answered in place of servers. */
const TWO_WAY: ReadonlySet<PacketMode> = new Set(['nat', 'fnat']);

/** `undefined` when the service cannot be: a note says why. */
export function importService(
  service: Section,
  groups: AddressGroups,
): ImportedService | undefined {
  const endpoints = endpointsOf(service, groups);
  const protocol = (service.word('protocol') ?? 'TCP').toLowerCase();
  const kind = (service.word('lb_kind', 'lvs_method') ?? 'NAT').toUpperCase();
  const mode = MODES[kind];
  const obstacle =
    typeof endpoints === 'string'
      ? endpoints
      : protocol !== 'tcp' && protocol !== 'udp'
        ? `protocol ${protocol} is not forwarded`
        : mode === undefined
          ? `lb_kind ${kind} is no way to reach servers here`
          : undefined;
  if (obstacle !== undefined || typeof endpoints === 'string' || !mode) {
    service.lines();
    service.note('', `left out: ${obstacle}`);
    return undefined;
  }
  const name = nameOf(service, protocol, endpoints);
  const lists = listsOf(service, groups);
  const l4 = {
    ...frontendL4Of(service, groups, endpoints),
    ...(protocol === 'tcp' && mode === 'fnat' && clientAddressOf(service)),
    ...(mode === 'tunnel' && tunnelOf(service)),
    ...(TWO_WAY.has(mode) && service.has('syn_proxy') && { synproxy: 'client-first' as const }),
  };
  const backend = backendOf(service, endpoints);
  return {
    name,
    frontend: {
      listen_addr: endpoints,
      protocol: protocol === 'udp' ? 'udp' : 'tcp',
      mode: mode === 'fnat' && changesFamily(endpoints, backend) ? 'nat64' : mode,
      backend: name,
      ...lists,
      l4,
    },
    backend,
  };
}

/** Whether full NAT leads from IPv6 to IPv4, for which DPVS has no word of its own. */
function changesFamily(endpoints: readonly InetAddress[], { servers = {} }: BackendTable): boolean {
  const familyOf = (address: Address | undefined): number =>
    address?.kind === 'inet' ? isIP(address.host) : 0;
  const all = Object.values(servers);
  return (
    endpoints.every((address) => familyOf(address) === 6) &&
    all.length > 0 &&
    all.every(({ addr }) => familyOf(addr) === 4)
  );
}

/** Where it listens, or why it cannot. */
function endpointsOf(service: Section, groups: AddressGroups): readonly InetAddress[] | string {
  const [first = '', second = ''] = service.words;
  if (first === 'fwmark') return 'packets are told apart by address and port, not by marks';
  if (first === 'group') {
    const endpoints = groups.endpoints(second);
    if (endpoints === undefined) return `there is no virtual_server_group ${second}`;
    return endpoints.length === 0 ? 'its group has no address' : endpoints;
  }
  const endpoint = addressOf(service.words);
  return endpoint ? [endpoint] : 'needs an address and a port';
}

function nameOf(service: Section, protocol: string, endpoints: readonly InetAddress[]): string {
  const [first = '', second = ''] = service.words;
  const text = first === 'group' ? second : formatAddress(endpoints[0]!);
  return `${protocol}_${nameFrom(text)}`;
}

/** Letters that a TOML key may have without quotes. */
export function nameFrom(text: string): string {
  return text.replaceAll(/[^\w-]+/g, '_').replaceAll(/^_|_$/g, '');
}

function listsOf(service: Section, groups: AddressGroups): Pick<FrontendTable, 'allow' | 'deny'> {
  const deny = listOf(service, ['daddr_group_name', 'blklst_addr_gname'], groups);
  const allow = listOf(service, ['waddr_group_name', 'whtlst_addr_gname'], groups);
  return { ...(deny && { deny }), ...(allow && { allow }) };
}

function listOf(
  service: Section,
  keywords: readonly string[],
  groups: AddressGroups,
): readonly string[] | undefined {
  const name = service.word(...keywords);
  if (name === undefined) return undefined;
  const list = groups.list(name);
  if (!list) service.note(`${keywords[0]} ${name}`, 'there is no such group');
  return list;
}

function frontendL4Of(
  service: Section,
  groups: AddressGroups,
  endpoints: readonly InetAddress[],
): NonNullable<FrontendTable['l4']> {
  const localAddresses = listOf(service, ['laddr_group_name'], groups);
  const persistence = service.take('persistence_timeout');
  const timeoutS = service.number('establish_timeout', 'conn_timeout');
  const isQuiescent = service.has('expire_quiescent_conn') || service.has('expire_quiescent');
  return {
    ...(localAddresses && { local_addresses: localAddresses }),
    ...(persistence && { persistence: seconds(Number(persistence[0] ?? PERSISTENCE_S)) }),
    ...granularityOf(service, endpoints),
    ...(timeoutS !== undefined && { conn_timeout: seconds(timeoutS) }),
    ...(isQuiescent && { expire_quiescent: true }),
  };
}

/** Behind full NAT DPVS tells servers the client's address by TOA, unless a header is asked for. */
function clientAddressOf(service: Section): NonNullable<FrontendTable['l4']> {
  const header = service.word('proxy_protocol') ?? 'disable';
  if (header === 'disable') return { toa: true };
  if (header !== 'v2') {
    service.note(`proxy_protocol ${header}`, 'there is "v2" alone, which is taken');
  }
  return { proxy_protocol: 'v2' };
}

function granularityOf(
  service: Section,
  endpoints: readonly InetAddress[],
): NonNullable<FrontendTable['l4']> {
  const mask = service.word('persistence_granularity');
  if (mask === undefined) return {};
  const length = prefixLength(mask);
  if (length === undefined) {
    service.note(`persistence_granularity ${mask}`, 'is no mask');
    return {};
  }
  return isIP(endpoints[0]!.host) === 6
    ? { persistence_prefix6: length }
    : { persistence_mask: length };
}

function backendOf(service: Section, endpoints: readonly InetAddress[]): BackendTable {
  const scheduler = schedulerOf(service);
  const sorry = service.take('sorry_server');
  const sorryServer = sorry && addressOf(sorry, endpoints[0]!.port);
  if (sorry && !sorryServer) service.note(`sorry_server ${sorry.join(' ')}`, 'is no address');
  const quorum = service.number('quorum');
  const hysteresis = service.number('hysteresis');
  // A server that is down keeps its flows and gets no new ones, with this word and without.
  service.drop('inhibit_on_failure', 'sorry_server_inhibit');
  const { servers, checks } = serversOf(service, endpoints);
  return {
    balance: `lvs:${scheduler}`,
    ...(KEYED.has(scheduler) && { hash: hashOf(service) }),
    ...(quorum !== undefined && { quorum }),
    ...(hysteresis !== undefined && { hysteresis }),
    ...(sorryServer && { sorry_server: sorryServer }),
    ...(checks ?? NO_CHECKS),
    servers,
  };
}

/** The scheduler, or the one that stands in for it. */
export function schedulerOf(service: Section): LvsScheduler {
  const name = service.word('lb_algo', 'lvs_sched') ?? SCHEDULER;
  const known = LVS_SCHEDULERS.find((scheduler) => scheduler === name);
  if (!known) service.note(`lb_algo ${name}`, `there is no such scheduler; ${SCHEDULER} is taken`);
  return known ?? SCHEDULER;
}

function hashOf(service: Section): 'ip' | 'ip-port' {
  // A server that is down loses its places to the others, with the fallback flags and without.
  service.drop('sh-fallback', 'mh-fallback', 'flag-1', 'hash_target');
  const withPort = ['sh-port', 'mh-port', 'flag-2'].filter((flag) => service.has(flag));
  return withPort.length > 0 ? 'ip-port' : 'ip';
}

function serversOf(
  service: Section,
  endpoints: readonly InetAddress[],
): { servers: Record<string, ServerTable>; checks: Checks | undefined } {
  const servers: Record<string, ServerTable> = {};
  let common: { readonly checks: Checks | undefined } | undefined;
  for (const section of service.sections('real_server')) {
    const addr = addressOf(section.words, endpoints[0]!.port);
    if (!addr) {
      section.lines();
      section.note('', 'left out: needs an address and a port');
      continue;
    }
    servers[nameFrom(formatAddress(addr))] = serverOf(section, addr);
    const checks = checksOf(service, section);
    common ??= { checks };
    if (!sameChecks(checks, common.checks)) {
      section.note('', 'is checked as the first server is: a backend has one way for all of them');
    }
  }
  return { servers, checks: common?.checks };
}

function serverOf(section: Section, addr: InetAddress): ServerTable {
  const weight = section.number('weight');
  const upper = section.number('uthreshold');
  const lower = section.number('lthreshold');
  section.drop('inhibit_on_failure');
  return {
    addr,
    ...(weight !== undefined && { weight }),
    ...(upper !== undefined && { max_connections: upper }),
    ...(lower !== undefined && { min_connections: lower }),
  };
}

function seconds(count: number): number {
  return Math.round(count * 1000);
}
