/**
 * Services over REST: what a request asks for as a batch of LVS's commands, so that both ways follow the
 * same rules and are done wholly or not at all.
 *
 * @module
 */
import { isIP } from 'node:net';
import { PROTOCOL_NAMES } from './constants.ts';
import { type BackendSpec, formatServiceKey, type ServiceSpec } from './desired.ts';
import { PlaneError } from './errors.ts';
import { matchKey } from './match-key.ts';
import type {
  IpvsCommand,
  IpvsServer,
  IpvsServerOptions,
  IpvsServiceKey,
} from './ipvs/commands.ts';
import type { ServiceBody } from './ipvs/request.ts';
import { portOf } from './ipvs/table.ts';
import type { Services } from './service-table.ts';

/**
 * `203.0.113.1-80-tcp`, `2001:db8::1-53-udp`, or a rule as `ipvsadm -H` has it, `proto=tcp,oif=eth1`; `undefined`
 * when it is none.
 */
export function serviceOf(id: string): IpvsServiceKey | undefined {
  if (id.includes('=')) return ruleOf(id);
  const [, host = '', number, name] = /^(.+)-(\d{1,5})-([a-z0-9]+)$/.exec(id) ?? [];
  const protocol = PROTOCOL_NAMES.find((each) => each === name);
  if (isIP(host) === 0 || Number(number) > 65_535 || !protocol) return undefined;
  return { address: host, port: Number(number), protocol };
}

function ruleOf(text: string): IpvsServiceKey | undefined {
  try {
    return matchKey(text);
  } catch (error) {
    if (error instanceof PlaneError) return undefined;
    throw error;
  }
}

/** `10.0.0.11:8080`, `[2001:db8::11]:8080`, or an address alone, which has the service's port. */
export function serverOf(text: string): IpvsServer | undefined {
  const [, bracketed, plain, number] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = isIP(text) === 6 ? text : (bracketed ?? plain ?? '');
  if (isIP(host) === 0 || Number(number ?? 0) > 65_535) return undefined;
  return { address: host, ...(number !== undefined && { port: Number(number) }) };
}

/** Makes a service so. */
export function putService(
  service: IpvsServiceKey,
  body: ServiceBody,
  services: Services,
): IpvsCommand[] {
  const present = services.get(formatServiceKey(service));
  const options = {
    scheduler: body.scheduler,
    persistenceS: body.persistence_s,
    maskLength: body.mask_length,
    schedulerFlags: body.scheduler_flags,
    onePacket: body.one_packet,
    connTimeoutS: body.conn_timeout_s,
    expireQuiescent: body.expire_quiescent,
    proxyProtocol: body.proxy_protocol,
    synProxy: body.synproxy,
  };
  return [
    { op: present ? 'edit-service' : 'add-service', service, options },
    ...(body.servers ? replaceServers(service, body.servers, present) : []),
    ...(body.local_addresses ? putLocal(service, body.local_addresses, services) : []),
  ];
}

/** Adds a server or changes it. */
export function putServer(
  service: IpvsServiceKey,
  server: IpvsServer,
  options: IpvsServerOptions,
  services: Services,
): IpvsCommand {
  const present = services.get(formatServiceKey(service));
  const isPresent = present?.backends.some((each) => isSame(each, server, present)) ?? false;
  return { op: isPresent ? 'edit-server' : 'add-server', service, server, options };
}

/** Gives a service exactly these local addresses. */
export function putLocal(
  service: IpvsServiceKey,
  wanted: readonly string[],
  services: Services,
): IpvsCommand[] {
  const present = services.get(formatServiceKey(service))?.localAddresses ?? [];
  const missing = wanted.filter((each) => !present.includes(each));
  const surplus = present.filter((each) => !wanted.includes(each));
  return [
    ...(missing.length > 0 ? [{ op: 'add-local', service, addresses: missing } as const] : []),
    ...(surplus.length > 0 ? [{ op: 'delete-local', service, addresses: surplus } as const] : []),
  ];
}

/** Gives a list of a service exactly these networks. */
export function putNetworks(
  service: IpvsServiceKey,
  { list, wanted }: { readonly list: 'deny' | 'allow'; readonly wanted: readonly string[] },
  services: Services,
): IpvsCommand[] {
  const present = services.get(formatServiceKey(service))?.admission[list] ?? [];
  const missing = [...new Set(wanted)].filter((each) => !present.includes(each));
  const surplus = [...new Set(present)].filter((each) => !wanted.includes(each));
  return [
    ...missing.map((network) => ({ op: 'add-network', service, list, network }) as const),
    ...surplus.map((network) => ({ op: 'delete-network', service, list, network }) as const),
  ];
}

function replaceServers(
  service: IpvsServiceKey,
  wanted: NonNullable<ServiceBody['servers']>,
  present: ServiceSpec | undefined,
): IpvsCommand[] {
  const servers = wanted.map(({ address: host, port: number, ...options }) => ({
    server: { address: host, ...(number !== undefined && { port: number }) },
    options,
  }));
  const gone = (present?.backends ?? []).filter(
    (backend) => !servers.some(({ server }) => isSame(backend, server, present!)),
  );
  return [
    ...gone.map((backend) => ({
      op: 'delete-server' as const,
      service,
      server: { address: backend.address, port: portOf(service, backend) },
    })),
    ...servers.map(({ server, options }) => {
      const isPresent = present?.backends.some((each) => isSame(each, server, present)) ?? false;
      const op = isPresent ? ('edit-server' as const) : ('add-server' as const);
      return { op, service, server, options };
    }),
  ];
}

function isSame(
  backend: BackendSpec,
  { address: host, port: number }: IpvsServer,
  service: ServiceSpec,
): boolean {
  return backend.address === host && portOf(service, backend) === (number || service.port);
}
