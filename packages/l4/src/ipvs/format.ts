/**
 * The texts that `ipvsadm` prints, column by column, because scripts read them.
 *
 * @module
 */
import type { BackendSpec, ForwardMode, ServiceSpec } from '../desired.ts';
import type { FlowView } from '../flows.ts';
import type { ListEntry } from '../list-hits.ts';
import type { BackendDocument, ServiceDocument, TrafficDocument } from '../status.ts';
import { IPIP, isOverUdp, TUNNEL_PORTS } from '../tunnel.ts';
import type { IpvsListing } from './commands.ts';
import { listedMatch, matchText } from '../match.ts';
import { formatDestCheck } from './dest-check.ts';
import { type NameOf, numbersOf } from './names.ts';
import { portOf } from './table.ts';

const VERSION = '1.2.1';

const FORWARD_NAMES: Readonly<Record<ForwardMode, string>> = {
  dr: 'Route',
  tunnel: 'Tunnel',
  nat: 'Masq',
  fnat: 'FullNat',
  snat: 'SNAT',
  'dr-ip': 'Route',
};

const FORWARD_OPTIONS: Readonly<Record<ForwardMode, string>> = {
  dr: '-g',
  tunnel: '-i',
  nat: '-m',
  fnat: '-b',
  snat: '-J',
  'dr-ip': '-g',
};

/** A service as it is wanted and as it counts. */
export interface ListedService {
  readonly spec: ServiceSpec;
  readonly counted: ServiceDocument;
}

/** The list of services, in one of its views. */
export function formatServices(
  services: readonly ListedService[],
  { view, exact, sorted }: Pick<IpvsListing, 'view' | 'exact' | 'sorted'>,
  flowsMax: number,
  nameOf: NameOf = numbersOf,
): string {
  const lines = [`IP Virtual Server version ${VERSION} (size=${flowsMax})`, ...titleOf(view)];
  for (const { spec, counted } of sorted ? services.toSorted(byAddress) : services) {
    lines.push(serviceLine(spec, counted, { view, exact, nameOf }));
    const servers = sorted ? counted.backends.toSorted(byServer) : counted.backends;
    for (const server of servers) lines.push(serverLine(server, spec, { view, exact, nameOf }));
  }
  return `${lines.join('\n')}\n`;
}

/** Connections, seven columns when one of them has a local address. */
export function formatFlows(
  flows: readonly FlowView[],
  { cpu }: { readonly cpu: boolean },
  nameOf: NameOf = numbersOf,
): string {
  if (cpu) {
    const lines = flows.map((flow) => {
      const columns = [...flowColumns(flow, nameOf), local(flow, nameOf)];
      const [protocol, , state, client, virtual, destination, own] = columns;
      const expire = `${flow.expiresS}s`;
      return `[0]${protocol!.padEnd(3)} ${expire.padEnd(6)} ${state!.padEnd(11)} ${client!.padEnd(18)} ${virtual!.padEnd(18)} ${own!.padEnd(18)} ${destination!}`;
    });
    return lines.map((line) => `${line}\n`).join('');
  }
  const title = `pro expire ${'state'.padEnd(11)} ${'source'.padEnd(18)} ${'virtual'.padEnd(18)} destination`;
  const lines = flows.map((flow) => {
    const [protocol, expire, state, client, virtual, destination] = flowColumns(flow, nameOf);
    const line = `${protocol!.padEnd(3)} ${expire!.padEnd(6)} ${state!.padEnd(11)} ${client!.padEnd(18)} ${virtual!.padEnd(18)}`;
    return flow.local === ''
      ? `${line} ${destination}`
      : `${line} ${destination!.padEnd(18)} ${local(flow, nameOf)}`;
  });
  return `${['IPVS connection entries', title, ...lines].join('\n')}\n`;
}

/** How lists that are about one address name a service. */
function shortName(service: ServiceSpec, nameOf: NameOf): string {
  const { match, protocol, address, port } = service;
  return match ? `MATCH ${listedMatch(protocol, match)}` : nameOf(address, port, protocol);
}

/** How commands name a service. */
function optionOf(service: ServiceSpec, nameOf: NameOf): string {
  const { match, protocol, address, port } = service;
  if (match) return `-H ${matchText(protocol, address.includes(':') ? 6 : 4, match)}`;
  const letter = { tcp: '-t', udp: '-u', icmp: '-1', icmpv6: '-1' }[protocol];
  return `${letter} ${nameOf(address, port, protocol)}`;
}

/** Local addresses of services, with their use. */
export function formatLocalAddresses(
  services: readonly ServiceSpec[],
  countsOf: (
    service: ServiceSpec,
    address: string,
  ) => { readonly conns: number; readonly conflicts: number },
  nameOf: NameOf = numbersOf,
): string {
  const lines = services.flatMap((service) => {
    const name = shortName(service, nameOf);
    const total = service.localAddresses.length;
    return service.localAddresses.map((address, index) => {
      const { conns, conflicts } = countsOf(service, address);
      const head = index === 0 ? `${name.padEnd(20)} ${String(total).padEnd(8)}` : ' '.repeat(29);
      return `${head} ${address.padEnd(20)} ${String(conflicts).padEnd(10)} ${conns}`;
    });
  });
  const title = `${'VIP:VPORT'.padEnd(20)} ${'TOTAL'.padEnd(8)} ${'SNAT_IP'.padEnd(20)} ${'CONFLICTS'.padEnd(10)} CONNS`;
  return `${[title, ...lines].join('\n')}\n`;
}

/** A service with the entries of one of its lists. */
export interface ListedClients {
  readonly service: ServiceSpec;
  readonly entries: readonly ListEntry[];
}

/** Networks on one of the lists of each service, with the flows that each decided. */
export function formatNetworks(
  services: readonly ListedClients[],
  list: 'deny' | 'allow',
  nameOf: NameOf = numbersOf,
): string {
  const lines = services.flatMap(({ service, entries }) => {
    const name = shortName(service, nameOf);
    return entries.map(({ network, hits }, index) => {
      const head =
        index === 0 ? `${name.padEnd(20)} ${String(entries.length).padEnd(8)}` : ' '.repeat(29);
      return `${head} ${network.padEnd(20)} ${hits}`;
    });
  });
  const title = `${'VIP:VPORT'.padEnd(20)} ${'TOTAL'.padEnd(8)} ${list.toUpperCase().padEnd(20)} HITS`;
  return `${[title, ...lines].join('\n')}\n`;
}

/** The rules that make this table, as `--restore` reads them. */
export function formatRules(
  services: readonly ServiceSpec[],
  { compat }: { readonly compat: boolean },
  nameOf: NameOf = numbersOf,
): string {
  const lines = services.flatMap((service) => {
    const name = optionOf(service, nameOf);
    return [
      `-A ${name} -s ${service.scheduler}${serviceOptions(service, compat)}`,
      ...service.backends.map((backend) => {
        const server = nameOf(backend.address, portOf(service, backend), service.protocol);
        return `-a ${name} -r ${server} ${FORWARD_OPTIONS[backend.mode]} -w ${backend.weight}${thresholdOptions(backend)}${tunnelOptions(backend)}`;
      }),
      ...(compat || service.match
        ? []
        : service.localAddresses.map((address) => `-P ${name} -z ${address}`)),
      ...(compat ? [] : service.admission.deny.map((network) => `-U ${name} -k ${network}`)),
      ...(compat ? [] : service.admission.allow.map((network) => `-O ${name} -k ${network}`)),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}

function thresholdOptions({ upper, lower }: BackendSpec): string {
  return `${upper > 0 ? ` -x ${upper}` : ''}${lower > 0 ? ` -y ${lower}` : ''}`;
}

function tunnelOptions({ tunnel }: BackendSpec): string {
  if (!tunnel) return '';
  const { kind, port, checksum, vni, innerMac } = tunnel;
  return [
    ` --tun-type ${kind}`,
    isOverUdp(kind) ? ` --tun-port ${port || TUNNEL_PORTS[kind]}` : '',
    ` --tun-${checksum ? '' : 'no'}csum`,
    kind === 'vxlan' ? ` --tun-vni ${vni} --tun-mac ${innerMac}` : '',
  ].join('');
}

/** What `--tun-info` shows of a server. */
function tunnelInfo(spec: ServiceSpec, server: BackendDocument): string {
  if (server.mode !== 'tunnel') return 'n/a';
  const backend = spec.backends.find(
    (each) => each.address === server.address && portOf(spec, each) === server.port,
  );
  const { kind, port, checksum } = backend?.tunnel ?? IPIP;
  if (kind === 'ipip') return kind;
  const sum = checksum ? 'csum' : 'nocsum';
  return isOverUdp(kind) ? `${kind}:${port || TUNNEL_PORTS[kind]}:${sum}` : `${kind}:${sum}`;
}

/** Values of `--synproxy`. */
const SYN_PROXY_VALUES = { 'client-first': 'enable', 'server-first': 'server-first' } as const;

function serviceOptions(service: ServiceSpec, compat: boolean): string {
  const { persistenceS, onePacket, connTimeoutS, expireQuiescent, clientAddress, synProxy } =
    service;
  const mask = maskText(service);
  const flags = schedulerFlags(service);
  return [
    persistenceS > 0 ? ` -p ${persistenceS}` : '',
    mask === '' ? '' : ` -M ${mask}`,
    flags.length > 0 ? ` -b ${flags.join(',')}` : '',
    onePacket ? ' -o' : '',
    synProxy === 'off' || compat ? '' : ` -j ${SYN_PROXY_VALUES[synProxy]}`,
    connTimeoutS > 0 && !compat ? ` --conn-timeout ${connTimeoutS}` : '',
    clientAddress === 'ppv2' && !compat ? ' --proxy-protocol v2' : '',
    expireQuiescent && !compat ? ' --expire-quiescent' : '',
    service.destCheck && !compat ? ` --dest-check ${formatDestCheck(service.destCheck)}` : '',
  ].join('');
}

function schedulerFlags({ scheduler, hash, fallback }: ServiceSpec): string[] {
  if (scheduler !== 'mh' && scheduler !== 'sh') return [];
  return [
    ...(fallback ? [`${scheduler}-fallback`] : []),
    ...(hash === 'ip-port' ? [`${scheduler}-port`] : []),
  ];
}

/** The mask of persistence when it is not that of a single client: dotted, or a length for IPv6. */
function maskText({
  address,
  persistenceS,
  persistenceMask,
  persistencePrefix6,
}: ServiceSpec): string {
  if (persistenceS === 0) return '';
  if (address.includes(':')) return persistencePrefix6 === 128 ? '' : `${persistencePrefix6}`;
  if (persistenceMask === 32) return '';
  const bits = (0xffff_ffff << (32 - persistenceMask)) >>> 0;
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');
}

function titleOf(view: IpvsListing['view']): string[] {
  const name = 'Prot LocalAddress:Port';
  const second = '  -> RemoteAddress:Port';
  const wide = (...columns: readonly string[]): string[] => [
    `${name.padEnd(33)} ${columns.map((column) => column.padStart(8)).join(' ')}`,
    second,
  ];
  if (view === 'stats') return wide('Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes');
  if (view === 'rate') return wide('CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS');
  if (view === 'thresholds') {
    return [
      `${name.padEnd(33)} ${padded(THRESHOLDS, ['Uthreshold', 'Lthreshold', 'ActiveConn', 'InActConn'])}`,
      second,
    ];
  }
  if (view === 'persistent') {
    return [
      `${name.padEnd(33)} ${padded(PERSISTENT, ['Weight', 'PersistConn', 'ActiveConn', 'InActConn'])}`,
      second,
    ];
  }
  if (view === 'tunnels') {
    return [
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn',
    ];
  }
  return [
    'Prot LocalAddress:Port Scheduler Flags',
    '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
  ];
}

/** How lines of a list look. */
interface Look extends Pick<IpvsListing, 'view' | 'exact'> {
  readonly nameOf: NameOf;
}

/** Widths of the columns. */
const THRESHOLDS = [10, 10, 10, 10];
const PERSISTENT = [9, 11, 10, 10];

function serviceLine(
  spec: ServiceSpec,
  { counters, rates }: ServiceDocument,
  { view, exact, nameOf }: Look,
): string {
  const name = spec.match
    ? shortName(spec, nameOf)
    : `${protocolName(spec.protocol).padEnd(4)} ${shortName(spec, nameOf)}`;
  if (view === 'stats') return `${name.padEnd(33)}${numbers(counters, exact)}`;
  if (view === 'rate') return `${name.padEnd(33)}${numbers(rates, exact)}`;
  if (view === 'thresholds' || view === 'persistent') return name.padEnd(33);
  const mask = maskText(spec);
  const flags = schedulerFlags(spec);
  const words = [
    spec.scheduler,
    flags.length > 0 ? `(${flags.join(',')})` : '',
    spec.scheduler === 'conhash' ? 'sip' : '',
    spec.persistenceS > 0 ? `persistent ${spec.persistenceS}` : '',
    mask === '' ? '' : `mask ${mask}`,
    spec.onePacket ? 'ops' : '',
    spec.synProxy === 'off' ? '' : 'synproxy',
    spec.connTimeoutS > 0 ? `conn-timeout ${spec.connTimeoutS}` : '',
    spec.clientAddress === 'ppv2' ? 'ppv2' : '',
    spec.expireQuiescent ? 'expire-quiescent' : '',
    spec.destCheck ? `dest-check ${formatDestCheck(spec.destCheck)}` : '',
  ];
  return `${name} ${words.filter((word) => word !== '').join(' ')}`;
}

function serverLine(
  server: BackendDocument,
  spec: ServiceSpec,
  { view, exact, nameOf }: Look,
): string {
  const { active, inactive, weight } = server;
  const name = `  -> ${nameOf(server.address, portOf(spec, server), spec.protocol).padEnd(28)}`;
  if (view === 'stats') return `${name}${numbers(server.counters, exact)}`;
  if (view === 'rate') return `${name}${numbers(server.rates, exact)}`;
  if (view === 'thresholds')
    return `${name} ${padded(THRESHOLDS, [server.upper, server.lower, active, inactive])}`;
  if (view === 'persistent') {
    return `${name} ${padded(PERSISTENT, [weight, server.persistent, active, inactive])}`;
  }
  // The document has the names of the modes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const forward = FORWARD_NAMES[server.mode as ForwardMode];
  const tunnel = view === 'tunnels' ? `${tunnelInfo(spec, server).padEnd(13)} ` : '';
  const counts = `${forward.padEnd(7)} ${tunnel}${String(weight).padEnd(6)} ${padded([10, 10], [active, inactive])}`;
  const isOut = server.health === 'down' || server.inhibited;
  return `${name} ${counts}${isOut ? ' inhibited' : ''}${server.overloaded ? ' overload' : ''}`;
}

function padded(widths: readonly number[], values: readonly (number | string)[]): string {
  return values.map((value, index) => String(value).padEnd(widths[index]!)).join(' ');
}

function numbers(counts: TrafficDocument, exact: boolean): string {
  const { conns, in_packets, out_packets, in_bytes, out_bytes } = counts;
  return [conns, in_packets, out_packets, in_bytes, out_bytes]
    .map((value) => largeNumber(Math.round(value), exact))
    .join('');
}

/** Nine columns, with a letter for the size where the digits would not fit. */
export function largeNumber(value: number, exact: boolean): string {
  if (exact) {
    const digits = String(value);
    return digits.padStart(digits.length <= 8 ? 9 : digits.length + 1);
  }
  if (value < 1e8) return String(value).padStart(9);
  const [divisor, letter]: [number, string] =
    value < 1e9 ? [1e3, 'K'] : value < 1e11 ? [1e6, 'M'] : value < 1e14 ? [1e9, 'G'] : [1e12, 'T'];
  return `${String(Math.floor(value / divisor)).padStart(8)}${letter}`;
}

function flowColumns(flow: FlowView, nameOf: NameOf): string[] {
  const { protocol, expiresS, state } = flow;
  const minutes = String(Math.floor(expiresS / 60)).padStart(2, '0');
  const seconds = String(expiresS % 60).padStart(2, '0');
  return [
    protocolName(protocol),
    `${minutes}:${seconds}`,
    STATE_NAMES[state] ?? state,
    nameOf(flow.client, flow.clientPort, protocol),
    nameOf(flow.virtual, flow.virtualPort, protocol),
    nameOf(flow.destination, flow.destinationPort, protocol),
  ];
}

function protocolName(protocol: string): string {
  return protocol === 'icmpv6' ? 'ICMPv6' : protocol.toUpperCase();
}

/** States that LVS has other names for. */
const STATE_NAMES: Readonly<Record<string, string>> = { UDP_ONEWAY: 'UDP' };

function local({ local: address, localPort, protocol }: FlowView, nameOf: NameOf): string {
  return address === '' ? '-' : nameOf(address, localPort, protocol);
}

function byAddress(a: ListedService, b: ListedService): number {
  const { protocol, address, port } = a.spec;
  // Rules stay in the order in which they are tried, behind all others.
  if (a.spec.match || b.spec.match) return Number(!!a.spec.match) - Number(!!b.spec.match);
  return (
    protocol.localeCompare(b.spec.protocol) ||
    compareAddress(address, b.spec.address) ||
    port - b.spec.port
  );
}

function byServer(a: BackendDocument, b: BackendDocument): number {
  return compareAddress(a.address, b.address) || a.port - b.port;
}

/** IPv4 before IPv6, each in the order of its numbers. */
function compareAddress(a: string, b: string): number {
  return sortKey(a).localeCompare(sortKey(b));
}

function sortKey(address: string): string {
  if (address.includes(':')) {
    const [head = '', tail = ''] = address.split('::');
    const left = head.split(':').filter((group) => group !== '');
    const right = tail.split(':').filter((group) => group !== '');
    const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
    return `6${[...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join('')}`;
  }
  return `4${address
    .split('.')
    .map((part) => part.padStart(3, '0'))
    .join('')}`;
}
