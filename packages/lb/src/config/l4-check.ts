/**
 * What frontends of packet modes may say only together with something else.
 *
 * Packets are forwarded as they come, so that whatever needs a connection of our own (TLS, limits
 * on connections, PROXY headers) has no place there.
 *
 * @module
 */
import { isIP } from 'node:net';
import { type Address, type ConfigReport, formatAddress, type KeyPath } from '@balancer/kit';
import { completeFrontendL4, completeL4 } from './l4-defaults.ts';
import { type FrontendL4Table, isNetwork, readPortRange } from './l4-schema.ts';
import { AddressSetError, readAddressSet } from './l4-sets.ts';
import { checkPools } from './l4-snat-check.ts';
import { PACKET_MODES, type PacketMode } from './l4-types.ts';
import type { BackendTable, ConfigFile, FrontendTable } from './schema.ts';

/** Balances that the packet plane has a scheduler for; `lvs:…` apart. */
const PACKET_BALANCES = ['roundrobin', 'leastconn', 'p2c', 'random', 'source', 'ring'];
/** Balances that place a flow by its key, without any state. */
const KEYED_BALANCES = ['source', 'ring', 'lvs:mh', 'lvs:conhash', 'lvs:sh', 'lvs:dh'];
/** Balances that go over all servers for each new flow. */
const COMPARING_BALANCES = new Set([
  'leastconn',
  ...['lc', 'wlc', 'sed', 'nq', 'fo', 'ovf'].map((name) => `lvs:${name}`),
]);
/** Servers that schedulers which compare loads go over for each new flow. */
const COMPARED_SERVERS_MAX = 1024;
/** Ports of the listen address that `passthrough` takes for packets to servers. */
const PASSTHROUGH_PORTS = '33768-61000';
const DEFAULT_PORTS = '1025-65535';

/** One frontend of a packet mode, over `[defaults]`, with its backend. */
export interface Place {
  readonly path: KeyPath;
  readonly mode: PacketMode;
  readonly frontend: Omit<FrontendTable, 'l4'>;
  readonly l4: FrontendL4Table;
  /** Addresses of `listen_addr` that packets can be sent to. */
  readonly vips: readonly { readonly host: string; readonly port: number }[];
  readonly backend: BackendTable | undefined;
  readonly balance: string;
}

/** Reports each problem of the frontends whose packets the kernel is to forward. */
export function checkPacketModes(file: ConfigFile, report: ConfigReport): void {
  const places = placesOf(file);
  for (const place of places) {
    checkPlane(place, file, report);
    checkListenAddresses(place, report);
    checkRefused(place, report);
    checkSynProxy(place, report);
    checkClientAddress(place, report);
    checkLocalAddresses(place, places, report);
    checkServers(place, report);
    checkScheduler(place, report);
    checkTunnel(place, report);
    checkDestCheck(place, report);
  }
  checkSets(file, report);
  checkPortRanges(places, report);
  checkTunnelSources(places, file, report);
  checkPools(file, places, report);
}

function placesOf({ frontends, backends, defaults }: ConfigFile): Place[] {
  return Object.entries(frontends ?? {}).flatMap(([name, table]): Place[] => {
    const frontend = { ...defaults, ...table };
    const mode = frontend.mode ?? 'proxy';
    if (!isPacketMode(mode)) return [];
    const backend = backends?.[frontend.backend ?? ''];
    return [
      {
        path: ['frontends', name],
        mode: mode === 'dr-ip' && frontend.dsr_rewrite === 'mac' ? 'dr' : mode,
        frontend,
        l4: { ...defaults?.l4, ...table.l4 },
        vips: (frontend.listen_addr ?? []).filter(isIpAddress),
        backend,
        balance: backend?.balance ?? defaults?.balance ?? 'roundrobin',
      },
    ];
  });
}

function isPacketMode(mode: string): mode is PacketMode {
  return PACKET_MODES.some((each) => each === mode);
}

function isIpAddress(address: Address): address is Extract<Address, { kind: 'inet' }> {
  return address.kind === 'inet' && isIP(address.host) !== 0;
}

function checkPlane({ path, mode }: Place, { l4 }: ConfigFile, report: ConfigReport): void {
  if (l4 === undefined) {
    const mend = 'needs a table [l4] with the interfaces, such as interfaces = ["eth0"]';
    report.problem([...path, 'mode'], `"${mode}" ${mend}`);
  } else if ((l4.interfaces ?? []).length === 0) {
    report.problem(['l4'], 'interfaces is required, such as interfaces = ["eth0", "eth1"]');
  }
  if (mode === 'dr-ip') {
    report.warning(
      [...path, 'mode'],
      'servers answer from their own address: each must rewrite the source of its replies to the service',
    );
  }
}

function checkListenAddresses(place: Place, report: ConfigReport): void {
  const { path, frontend, mode, vips, balance, l4 } = place;
  if (mode === 'snat') return;
  const at = [...path, 'listen_addr'];
  for (const address of frontend.listen_addr ?? []) {
    const isUsable = isIpAddress(address) && !/^(0\.0\.0\.0|::)$/.test(address.host);
    if (!isUsable) {
      report.problem(at, `mode "${mode}" needs an IP address; got "${formatAddress(address)}"`);
    } else if (mode === 'nat64' && isIP(address.host) === 4) {
      report.problem(
        at,
        `mode "nat64" is for IPv6 clients and needs an IPv6 address; got ${address.host}: for IPv4 clients there is "fnat"`,
      );
    }
  }
  const isSteady = (l4.persistence ?? 0) > 0 || KEYED_BALANCES.includes(balance);
  if (vips.some(({ port }) => port === 0) && !isSteady) {
    report.problem(
      at,
      `port 0 (any port) needs l4.persistence or a balance by key (${KEYED_BALANCES.join(', ')})`,
    );
  }
}

/** Keys of connections that packets do not have. */
function checkRefused({ path, frontend, mode }: Place, report: ConfigReport): void {
  const asked: Readonly<Record<string, boolean>> = {
    sni: (frontend.sni ?? []).length > 0,
    proxy_protocol: (frontend.proxy_protocol ?? 'off') !== 'off',
    protocol: frontend.protocol === 'tls',
  };
  for (const [key, isAsked] of Object.entries(asked)) {
    if (!isAsked) continue;
    report.problem(
      [...path, key],
      `mode "${mode}" has nothing of this kind in this version; remove the key`,
    );
  }
}

/** Modes in which servers do not see the client's address. */
const HIDING_MODES: ReadonlySet<string> = new Set(['fnat', 'nat64', 'passthrough']);

/** Modes in which both directions of a connection pass. */
const TWO_WAY_MODES: ReadonlySet<string> = new Set(['fnat', 'nat', 'nat64', 'passthrough']);

/** Who answers a SYN in place of a server has to count for both ends from then on. */
function checkSynProxy({ path, mode, frontend, l4 }: Place, report: ConfigReport): void {
  if ((l4.synproxy ?? 'off') === 'off') return;
  const at = [...path, 'l4', 'synproxy'];
  if (!TWO_WAY_MODES.has(mode)) {
    report.problem(
      at,
      `needs mode "fnat", "nat" or "nat64", in which replies come back through Balancer; got "${mode}"`,
    );
  } else if (frontend.protocol === 'udp') {
    report.problem(at, 'needs protocol "tcp": datagrams have no handshake');
  }
}

/** Servers are told the client's address in one way, where they do not see it, on connections. */
function checkClientAddress(
  { path, mode, frontend, l4, backend }: Place,
  report: ConfigReport,
): void {
  const header = backend?.send_proxy_protocol ?? 'off';
  const at = {
    toa: [...path, 'l4', 'toa'],
    proxy_protocol: [...path, 'l4', 'proxy_protocol'],
    send_proxy_protocol: ['backends', frontend.backend ?? '', 'send_proxy_protocol'],
  };
  const asked = (['toa', 'proxy_protocol', 'send_proxy_protocol'] as const).filter((key) =>
    key === 'toa'
      ? l4.toa === true
      : key === 'proxy_protocol'
        ? (l4.proxy_protocol ?? 'off') !== 'off'
        : header !== 'off',
  );
  if (header === 'v1') {
    report.problem(
      at.send_proxy_protocol,
      `mode "${mode}" of frontends.${path[1]} has version "v2" alone`,
    );
  }
  for (const key of asked) {
    if (!HIDING_MODES.has(mode)) {
      report.problem(
        at[key],
        `servers see clients themselves in mode "${mode}" of frontends.${path[1]}; remove the key`,
      );
    } else if (frontend.protocol === 'udp') {
      report.problem(at[key], 'needs protocol "tcp": datagrams do not begin with a header');
    }
  }
  if (l4.toa === true && asked.length > 1) {
    report.problem(
      at.toa,
      `conflicts with ${asked.at(-1)}: servers are told the client's address in one way`,
    );
  }
}

/** Names in lists have to be names of sets, and their files have to be lists of networks. */
function checkSets({ frontends, defaults, l4 }: ConfigFile, report: ConfigReport): void {
  const { sets } = completeL4(l4 ?? {});
  for (const [name, set] of Object.entries(sets)) {
    try {
      readAddressSet(set);
    } catch (error) {
      if (!(error instanceof AddressSetError)) throw error;
      report.problem(['l4', 'sets', name, 'file'], error.message);
    }
  }
  const known = Object.keys(sets).join(', ') || 'none';
  for (const [name, table] of Object.entries(frontends ?? {})) {
    const isPacket = isPacketMode(table.mode ?? defaults?.mode ?? 'proxy');
    for (const key of ['allow', 'deny'] as const) {
      const names = (table[key] ?? defaults?.[key] ?? []).filter((entry) => !isNetwork(entry));
      const at = table[key] ? ['frontends', name, key] : ['defaults', key];
      for (const unknown of names) {
        if (!isPacket) {
          report.problem(
            at,
            `"${unknown}" is the name of a set, which only packet modes have; list its networks`,
          );
        } else if (!Object.hasOwn(sets, unknown)) {
          report.problem(at, `"${unknown}" is no set of [l4.sets]; there are: ${known}`);
        }
      }
    }
  }
}

/** Modes in which servers see addresses of the balancer. */
function hasLocalAddresses(mode: PacketMode): boolean {
  return mode === 'fnat' || mode === 'nat64';
}

function checkLocalAddresses(place: Place, places: readonly Place[], report: ConfigReport): void {
  const { path, mode, l4, vips } = place;
  const at = [...path, 'l4', 'local_addresses'];
  const ranges = l4.local_addresses ?? [];
  if (!hasLocalAddresses(mode)) {
    if (ranges.length > 0)
      report.problem(at, `mode "${mode}" has no local addresses; remove the key`);
    return;
  }
  if (ranges.length === 0) {
    report.problem(
      path,
      `mode "${mode}" needs l4.local_addresses, such as local_addresses = ["198.51.100.5"]`,
    );
    return;
  }
  const families = mode === 'nat64' ? [4] : serverFamilies(place);
  for (const family of new Set(families)) {
    if (ranges.some((range) => isIP(range.split('-')[0]!) === family)) continue;
    report.problem(at, `has no IPv${family} address, which packets to IPv${family} servers need`);
  }
  if (l4.force === true) return;
  const services = new Set(places.flatMap((each) => each.vips.map(({ host }) => host)));
  const taken =
    ranges.find((range) => services.has(range)) ??
    vips.find(({ host }) => ranges.includes(host))?.host;
  if (taken !== undefined) {
    report.problem(
      at,
      `${taken} is the address of a service; take another one, or set l4.force = true`,
    );
  }
}

function checkServers(place: Place, report: ConfigReport): void {
  const { path, mode, frontend, vips, backend } = place;
  const isOneWay = mode === 'dr' || mode === 'tunnel';
  for (const [name, server] of Object.entries(backend?.servers ?? {})) {
    const at = ['backends', frontend.backend ?? '', 'servers', name];
    if (!server.addr) continue;
    if (!isIpAddress(server.addr)) {
      report.problem(
        [...at, 'addr'],
        `frontends.${path[1]} of mode "${mode}" needs an IP address; got "${formatAddress(server.addr)}"`,
      );
      continue;
    }
    const { host, port } = server.addr;
    if (mode === 'nat64' && isIP(host) === 6) {
      report.problem(
        [...at, 'addr'],
        `mode "nat64" of frontends.${path[1]} is for IPv4 servers; got ${host}: for IPv6 servers there is "fnat"`,
      );
    }
    const foreign = vips.find((vip) => isIP(vip.host) !== isIP(host));
    if (foreign && mode !== 'tunnel' && mode !== 'nat64') {
      const instead =
        mode === 'fnat' && isIP(host) === 4
          ? '; for IPv6 clients of IPv4 servers there is "nat64"'
          : '';
      report.problem(
        [...at, 'addr'],
        `frontends.${path[1]} listens on ${foreign.host}: mode "${mode}" needs servers of the same family${instead}`,
      );
    }
    const other = vips.find((vip) => vip.port !== 0 && vip.port !== port);
    if (isOneWay && other) {
      report.problem(
        [...at, 'addr'],
        `mode "${mode}" of frontends.${path[1]} keeps the port: must be ${other.port}; got ${port}`,
      );
    }
    const { max_connections: upper = 0, min_connections: lower = 0 } = server;
    if (lower > upper) {
      report.problem(
        [...at, 'min_connections'],
        `must be at most max_connections, which is ${upper}; got ${lower}`,
      );
    }
    if (((server.interface ?? '') === '') !== ((server.mac ?? '') === '')) {
      report.problem(at, 'needs both interface and mac, or neither');
    }
    if ((server.vlan ?? 0) > 0 && (server.mac ?? '') === '') {
      const mend = 'give both, or route by a VLAN interface of Linux and leave vlan out';
      report.problem([...at, 'vlan'], `needs interface and mac: ${mend}`);
    }
  }
}

function checkScheduler(
  { path, mode, frontend, backend, balance }: Place,
  report: ConfigReport,
): void {
  const at = ['backends', frontend.backend ?? ''];
  if (!balance.startsWith('lvs:') && !PACKET_BALANCES.includes(balance)) {
    const usable = [...PACKET_BALANCES, '"lvs:<name>"'].join(', ');
    report.problem(
      report.has([...at, 'balance']) ? [...at, 'balance'] : path,
      `mode "${mode}" of frontends.${path[1]} has no "${balance}"; use ${usable}`,
    );
  }
  const compares = COMPARING_BALANCES.has(balance);
  const serverCount = Object.keys(backend?.servers ?? {}).length;
  if (compares && serverCount > COMPARED_SERVERS_MAX) {
    report.problem(
      [...at, 'servers'],
      `"${balance}" compares at most ${COMPARED_SERVERS_MAX} servers; got ${serverCount}`,
    );
  }
}

/** Keys of tunnels that the tunnel has no place for. */
function checkTunnel({ path, mode, l4 }: Place, report: ConfigReport): void {
  const { tunnel = 'ipip', tunnel_port = 0, tunnel_checksum = false, vni = 0 } = l4;
  if (mode !== 'tunnel') {
    if (tunnel === 'ipip') return;
    report.problem([...path, 'l4', 'tunnel'], `mode "${mode}" has no tunnel; remove the key`);
    return;
  }
  const isOverUdp = tunnel !== 'ipip' && tunnel !== 'gre';
  if (!isOverUdp && (tunnel_port !== 0 || tunnel_checksum)) {
    const key = tunnel_port === 0 ? 'tunnel_checksum' : 'tunnel_port';
    report.problem(
      [...path, 'l4', key],
      `tunnel "${tunnel}" has no UDP header; it is for "gue", "gue1" and "vxlan"`,
    );
  }
  if (tunnel !== 'vxlan' && vni !== 0) {
    report.problem([...path, 'l4', 'vni'], `tunnel "${tunnel}" has none; it is for "vxlan"`);
  }
}

/** The first time that a server is inhibited must not be longer than the longest. */
function checkDestCheck({ path, l4 }: Place, report: ConfigReport): void {
  const { dest_check: check } = completeFrontendL4(l4);
  if (check === 'off' || check.inhibit_min <= check.inhibit_max) return;
  report.problem(
    [...path, 'l4', 'dest_check'],
    `inhibit_min must be at most inhibit_max, which is ${check.inhibit_max} ms; got ${check.inhibit_min} ms`,
  );
}

function checkPortRanges(places: readonly Place[], report: ConfigReport): void {
  for (const { path, mode, l4 } of places) {
    if (!hasLocalAddresses(mode) && mode !== 'passthrough') continue;
    const range = mode === 'passthrough' ? PASSTHROUGH_PORTS : (l4.port_range ?? DEFAULT_PORTS);
    const at = report.has([...path, 'l4', 'port_range']) ? [...path, 'l4', 'port_range'] : path;
    checkServicePorts({ range, at, mode, l4 }, places, report);
  }
}

/** A local port must not be the port of a service on the same address. */
function checkServicePorts(
  { range, at, mode, l4 }: Pick<Place, 'mode' | 'l4'> & { range: string; at: KeyPath },
  places: readonly Place[],
  report: ConfigReport,
): void {
  const [low, high] = readPortRange(range) ?? [0, 0];
  for (const { mode: otherMode, vips } of places) {
    for (const { host, port } of vips) {
      const shared =
        mode === 'passthrough'
          ? otherMode === 'passthrough'
          : (l4.local_addresses ?? []).includes(host);
      if (shared && port >= low && port <= high) {
        report.problem(at, `ports ${range} of ${host} contain the service's port ${port}`);
      }
    }
  }
}

function checkTunnelSources(
  places: readonly Place[],
  { l4 }: ConfigFile,
  report: ConfigReport,
): void {
  const sources = l4?.tunnel_source ?? [];
  if (sources === 'rss') return;
  for (const family of [4, 6]) {
    const count = sources.filter((source) => isIP(source) === family).length;
    if (count > 1) {
      report.problem(
        ['l4', 'tunnel_source'],
        `needs at most one IPv${family} address; got ${count}`,
      );
    }
    const user = places.find(
      (place) => place.mode === 'tunnel' && serverFamilies(place).includes(family),
    );
    if (user && count === 0) {
      report.problem(
        ['l4'],
        `frontends.${user.path[1]} has mode "tunnel" and IPv${family} servers: tunnel_source needs an IPv${family} address of this host`,
      );
    }
  }
}

function serverFamilies({ backend }: Place): number[] {
  const servers = Object.values(backend?.servers ?? {});
  return servers.flatMap(({ addr }) => (addr && isIpAddress(addr) ? [isIP(addr.host)] : []));
}
