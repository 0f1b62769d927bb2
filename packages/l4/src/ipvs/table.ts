/**
 * What LVS's commands do to a table of services. Pure: a command gives a new service or an error, in the
 * words that `ipvsadm` has for it.
 *
 * @module
 */
import {
  type BackendSpec,
  formatServiceKey,
  isNat64,
  OPEN,
  type ServiceKey,
  type ServiceSpec,
} from '../desired.ts';
import type {
  IpvsChange,
  IpvsServer,
  IpvsServerOptions,
  IpvsServiceOptions,
  SchedulerFlag,
} from './commands.ts';

/** A command that cannot be followed. */
export class IpvsError extends Error {
  override readonly name = 'IpvsError';
}

const SCHEDULER_DEFAULT = 'wlc';
const MH_TABLE_DEFAULT = 65_537;

/** Does one command to the table. @throws {IpvsError} and the table is as before. */
export function change(table: Map<string, ServiceSpec>, command: IpvsChange): void {
  if (command.op === 'flush') {
    table.clear();
    return;
  }
  const key = formatServiceKey(command.service);
  const service = table.get(key);
  if (command.op === 'add-service') {
    if (service) throw new IpvsError('Service already exists');
    table.set(key, withOptions(newService(command.service), command.options));
    return;
  }
  if (!service) {
    const isService = command.op === 'edit-service' || command.op === 'delete-service';
    throw new IpvsError(isService ? 'No such service' : 'Service not defined');
  }
  if (command.op === 'delete-service') table.delete(key);
  else table.set(key, withCheckedProxy(changed(service, command)));
}

function changed(
  service: ServiceSpec,
  command: Exclude<IpvsChange, { op: 'flush' | 'delete-service' }>,
): ServiceSpec {
  switch (command.op) {
    case 'add-service':
    case 'edit-service':
      // Like the kernel's: what an edit does not say has its default again.
      return {
        ...withOptions(newService(service), command.options),
        ...keptBy(service),
        clientAddress: clientAddressAfter(service, command.options),
      };
    case 'add-server':
      return withPool(addServer(service, command));
    case 'edit-server':
      return withPool(editServer(service, command));
    case 'delete-server':
      return withPool({ ...service, backends: without(service, command.server) });
    case 'add-local':
      return { ...service, localAddresses: addLocal(service, command.addresses) };
    case 'delete-local':
      return { ...service, localAddresses: deleteLocal(service, command.addresses) };
    case 'add-network':
    case 'delete-network':
    default:
      return { ...service, admission: changeList(service, command) };
  }
}

/** What hosts behind the balancer get are the servers themselves. */
function withPool(service: ServiceSpec): ServiceSpec {
  if (!service.match) return service;
  return {
    ...service,
    localAddresses: [...new Set(service.backends.map(({ address }) => address))],
  };
}

function newService({ protocol, address, port, match }: ServiceKey): ServiceSpec {
  return {
    protocol,
    address,
    port,
    ...(match && { match }),
    scheduler: SCHEDULER_DEFAULT,
    hash: 'ip',
    mhTable: MH_TABLE_DEFAULT,
    fallback: false,
    persistenceS: 0,
    persistenceMask: 32,
    persistencePrefix6: 128,
    connTimeoutS: 0,
    expireQuiescent: false,
    synProxy: 'off',
    clientAddress: 'none',
    resetOnNoBackend: false,
    onePacket: false,
    localAddresses: [],
    maxConnections: 0,
    admission: OPEN,
    backends: [],
  };
}

/** What an edit of a service leaves alone. */
function keptBy({
  localAddresses,
  backends,
  mhTable,
  resetOnNoBackend,
  maxConnections,
  admission,
  vlan,
}: ServiceSpec): Pick<
  ServiceSpec,
  | 'localAddresses'
  | 'backends'
  | 'mhTable'
  | 'resetOnNoBackend'
  | 'maxConnections'
  | 'admission'
  | 'vlan'
> {
  return {
    localAddresses,
    backends,
    mhTable,
    resetOnNoBackend,
    maxConnections,
    admission,
    ...(vlan !== undefined && { vlan }),
  };
}

function withOptions(service: ServiceSpec, options: IpvsServiceOptions): ServiceSpec {
  const { schedulerFlags = [], maskLength } = options;
  const isIpv6 = service.address.includes(':');
  const next: ServiceSpec = {
    ...service,
    scheduler: options.scheduler ?? service.scheduler,
    hash: 'ip',
    fallback: false,
    persistenceS: options.persistenceS ?? service.persistenceS,
    persistenceMask: isIpv6 ? 32 : (maskLength ?? 32),
    persistencePrefix6: isIpv6 ? (maskLength ?? 128) : 128,
    onePacket: options.onePacket ?? false,
    connTimeoutS: options.connTimeoutS ?? 0,
    expireQuiescent: options.expireQuiescent ?? false,
    synProxy: options.synProxy ?? 'off',
    ...(options.destCheck && { destCheck: options.destCheck }),
  };
  const hasPorts = !next.match && (next.protocol === 'tcp' || next.protocol === 'udp');
  if (hasPorts && next.port === 0 && next.persistenceS === 0) {
    throw new IpvsError('Zero port specified for non-persistent service');
  }
  if (next.onePacket && next.protocol !== 'udp') {
    throw new IpvsError('One-Packet Scheduling is only for UDP virtual services');
  }
  if (next.synProxy !== 'off' && next.protocol !== 'tcp') {
    throw new IpvsError('The SYN proxy is only for TCP virtual services');
  }
  return withFlags(next, schedulerFlags);
}

/** TOA, which the command has no option for, stays as the file said it. */
function clientAddressAfter(
  { clientAddress, protocol }: ServiceSpec,
  { proxyProtocol = 'off' }: IpvsServiceOptions,
): ServiceSpec['clientAddress'] {
  if (proxyProtocol === 'off') return clientAddress === 'toa' ? 'toa' : 'none';
  if (protocol === 'udp') throw new IpvsError('PROXY headers are only for TCP virtual services');
  return 'ppv2';
}

/** Who answers SYNs counts for both ends from then on, and needs to see both directions. */
function withCheckedProxy(service: ServiceSpec): ServiceSpec {
  if (service.synProxy === 'off' || service.backends.every(({ mode }) => TWO_WAY.has(mode))) {
    return service;
  }
  throw new IpvsError(
    'The SYN proxy is not possible with -g or -i; it needs servers with -m or -b',
  );
}

const TWO_WAY: ReadonlySet<string> = new Set<BackendSpec['mode']>(['nat', 'fnat']);

/** Flags that bear the scheduler's name, or the numbers that stand for them. */
function withFlags(service: ServiceSpec, flags: readonly SchedulerFlag[]): ServiceSpec {
  const { scheduler } = service;
  const meansPort = (flag: SchedulerFlag): boolean =>
    flag === 'flag-2' || flag === `${scheduler}-port`;
  const meansFallback = (flag: SchedulerFlag): boolean =>
    flag === 'flag-1' || flag === `${scheduler}-fallback`;
  const hasFlags = scheduler === 'mh' || scheduler === 'sh';
  const wrong = flags.find((flag) => !hasFlags || !(meansPort(flag) || meansFallback(flag)));
  if (wrong !== undefined) throw new IpvsError(`incompatible scheduler flag \`${wrong}'`);
  return {
    ...service,
    hash: flags.some(meansPort) ? 'ip-port' : 'ip',
    fallback: flags.some(meansFallback),
  };
}

interface ServerCommand {
  readonly server: IpvsServer;
  readonly options: IpvsServerOptions;
}

function addServer(service: ServiceSpec, { server, options }: ServerCommand): ServiceSpec {
  if (find(service, server)) throw new IpvsError('Destination already exists');
  const backend = backendFor(service, server, {
    mode: options.mode ?? 'dr',
    weight: options.weight ?? 1,
    ...tunnelOf(options),
    ...thresholdsOf(options),
    health: 'up',
  });
  return { ...service, backends: [...service.backends, backend] };
}

function editServer(service: ServiceSpec, { server, options }: ServerCommand): ServiceSpec {
  const former = find(service, server);
  if (!former) throw new IpvsError('No such destination');
  const next = backendFor(service, server, {
    mode: options.mode ?? 'dr',
    weight: options.weight ?? 1,
    ...tunnelOf(options),
    ...thresholdsOf(options),
    health: former.health,
  });
  const backends = service.backends.map((backend) => (backend === former ? next : backend));
  return { ...service, backends };
}

function backendFor(
  service: ServiceSpec,
  { address, port }: IpvsServer,
  given: Pick<BackendSpec, 'mode' | 'tunnel' | 'weight' | 'health' | 'upper' | 'lower'>,
): BackendSpec {
  const { mode } = given;
  const isOneWay = mode === 'dr' || mode === 'tunnel';
  if ((mode === 'snat') !== (service.match !== undefined)) {
    throw new IpvsError('-J is for the servers of a match service, which can have no others');
  }
  if (mode === 'snat' && (port ?? 0) !== 0) {
    throw new IpvsError('an address outside has no port: its port must be 0');
  }
  if (isOneWay && port !== undefined && port !== 0 && port !== service.port) {
    throw new IpvsError('Port forwarding is not possible with -g or -i');
  }
  const isForeign = address.includes(':') !== service.address.includes(':');
  if (isForeign && mode !== 'tunnel' && !isNat64(service, { mode, address })) {
    throw new IpvsError(
      'The address families of service and server differ; only -i allows that, and -b from IPv6 to IPv4',
    );
  }
  const other = service.backends.find((each) => each.mode === 'fnat' && mode === 'fnat');
  if (other && other.address.includes(':') !== address.includes(':')) {
    throw new IpvsError('the full NAT servers of a service must be of one address family');
  }
  const keepsPort = isOneWay || service.port === 0;
  return { address, port: keepsPort ? 0 : port || service.port, ...given };
}

/** What a server that is reached in another way than by IP in IP is reached by. */
function tunnelOf({ mode, tunnel }: IpvsServerOptions): Pick<BackendSpec, 'tunnel'> {
  if (tunnel && mode !== 'tunnel') {
    throw new IpvsError('Tunnel options conflict with forward method');
  }
  return tunnel && tunnel.kind !== 'ipip' ? { tunnel } : {};
}

/** LVS's thresholds: the lower one must lie below the upper one, unless there is none. */
function thresholdsOf({
  upper = 0,
  lower = 0,
}: IpvsServerOptions): Pick<BackendSpec, 'upper' | 'lower'> {
  if (lower > upper && upper !== 0) {
    throw new IpvsError('the lower threshold must not be above the upper one');
  }
  return { upper, lower };
}

/** The port that a server is known by; those that keep the packet's have the service's. */
export function portOf(
  service: { readonly port: number },
  { port }: { readonly port: number },
): number {
  return port === 0 ? service.port : port;
}

function find(service: ServiceSpec, { address, port }: IpvsServer): BackendSpec | undefined {
  const wanted = port || service.port;
  return service.backends.find(
    (backend) => backend.address === address && portOf(service, backend) === wanted,
  );
}

function without(service: ServiceSpec, server: IpvsServer): BackendSpec[] {
  const gone = find(service, server);
  if (!gone) throw new IpvsError('No such destination');
  return service.backends.filter((backend) => backend !== gone);
}

function changeList(
  { admission }: ServiceSpec,
  { op, list, network }: Extract<IpvsChange, { op: 'add-network' | 'delete-network' }>,
): ServiceSpec['admission'] {
  const before = admission[list];
  const isListed = before.includes(network);
  if (op === 'add-network' && isListed) throw new IpvsError(`${network} is on the list already`);
  if (op === 'delete-network' && !isListed) throw new IpvsError(`${network} is not on the list`);
  const after = isListed ? before.filter((each) => each !== network) : [...before, network];
  return { ...admission, [list]: after };
}

function addLocal(service: ServiceSpec, addresses: readonly string[]): string[] {
  if (service.match) throw new IpvsError('a match service has servers instead of local addresses');
  const twin = addresses.find((address) => service.localAddresses.includes(address));
  if (twin !== undefined) throw new IpvsError(`Local address ${twin} already exists`);
  if (addresses.includes(service.address)) {
    throw new IpvsError(`${service.address} is the address of the service`);
  }
  return [...service.localAddresses, ...addresses];
}

function deleteLocal(service: ServiceSpec, addresses: readonly string[]): string[] {
  if (service.match) throw new IpvsError('a match service has servers instead of local addresses');
  const unknown = addresses.find((address) => !service.localAddresses.includes(address));
  if (unknown !== undefined) throw new IpvsError(`No such local address ${unknown}`);
  return service.localAddresses.filter((address) => !addresses.includes(address));
}
