/**
 * Checks what came over the admin API: batches of commands, and bodies about single services.
 *
 * @module
 */
import { isIP } from 'node:net';
import { integer, z } from '@balancer/kit';
import { LVS_SCHEDULERS, TUNNEL_NAMES } from '@balancer/lb';
import { matchSchema } from '../match-schema.ts';
import {
  IPVS_VIEWS,
  type IpvsCommand,
  type IpvsServer,
  type IpvsServerOptions,
  type IpvsServiceOptions,
  SCHEDULER_FLAGS,
} from './commands.ts';
import { isListEntry } from '../named-sets.ts';

const SECONDS_MAX = 2 ** 31 - 1;
const COMMANDS_MAX = 200_000;
const ADDRESSES_MAX = 4096;
const MAC = /^[\da-f]{2}(:[\da-f]{2}){5}$/i;

const address = z.string().refine((text) => isIP(text) !== 0, { error: 'needs an IP address' });
const port = integer({ min: 0, max: 65_535 });
const seconds = integer({ min: 0, max: SECONDS_MAX });
const protocol = z.enum(['tcp', 'udp', 'icmp', 'icmpv6']);
const service = z.strictObject({ protocol, address, port, match: matchSchema.optional() });
const server = z.strictObject({ address, port: port.optional() });
const addresses = z.array(address).min(1).max(ADDRESSES_MAX);

const serviceOptions = z.strictObject({
  scheduler: z.enum(LVS_SCHEDULERS).optional(),
  persistenceS: seconds.optional(),
  maskLength: integer({ min: 1, max: 128 }).optional(),
  schedulerFlags: z.array(z.enum(SCHEDULER_FLAGS)).optional(),
  onePacket: z.boolean().optional(),
  connTimeoutS: seconds.optional(),
  expireQuiescent: z.boolean().optional(),
  proxyProtocol: z.enum(['off', 'v2']).optional(),
  synProxy: z.enum(['off', 'client-first', 'server-first']).optional(),
  destCheck: z
    .strictObject({
      downRetry: seconds,
      upConfirm: seconds,
      downWaitS: seconds,
      inhibitMinS: seconds,
      inhibitMaxS: seconds,
    })
    .optional(),
});

const serverOptions = z.strictObject({
  mode: z.enum(['dr', 'tunnel', 'nat', 'fnat', 'snat']).optional(),
  tunnel: z
    .strictObject({
      kind: z.enum(TUNNEL_NAMES),
      port,
      checksum: z.boolean(),
      vni: integer({ min: 0, max: 2 ** 24 - 1 }),
      innerMac: z.string().regex(MAC, { error: 'needs a MAC address' }),
    })
    .optional(),
  weight: integer({ min: 0, max: 65_535 }).optional(),
  upper: integer({ min: 0, max: 2 ** 32 - 1 }).optional(),
  lower: integer({ min: 0, max: 2 ** 32 - 1 }).optional(),
});

const sockpair = z.strictObject({
  protocol: z.enum(['tcp', 'udp']),
  client: address,
  clientPort: port,
  target: address,
  targetPort: port,
});

const listEntry = z.string().refine(isListEntry, {
  error: 'needs an address, a network such as 192.0.2.0/24, or ipset: and the name of a set',
});

/** Networks of one list that a request may name. */
const NETWORKS_MAX = 10_000;

const command = z.discriminatedUnion('op', [
  z.strictObject({ op: z.enum(['add-service', 'edit-service']), service, options: serviceOptions }),
  z.strictObject({ op: z.literal('delete-service'), service }),
  z.strictObject({
    op: z.enum(['add-server', 'edit-server']),
    service,
    server,
    options: serverOptions,
  }),
  z.strictObject({ op: z.literal('delete-server'), service, server }),
  z.strictObject({ op: z.enum(['add-local', 'delete-local']), service, addresses }),
  z.strictObject({
    op: z.enum(['add-network', 'delete-network']),
    service,
    list: z.enum(['deny', 'allow']),
    network: listEntry,
  }),
  z.strictObject({ op: z.literal('flush') }),
  z.strictObject({ op: z.literal('zero'), service: service.optional() }),
  z.strictObject({ op: z.literal('timeouts'), tcp: seconds, tcpfin: seconds, udp: seconds }),
  z.strictObject({
    op: z.literal('list'),
    service: service.optional(),
    view: z.enum(IPVS_VIEWS),
    exact: z.boolean(),
    sorted: z.boolean(),
    cpu: integer({ min: 0, max: 65_535 }).optional(),
    named: z.boolean().optional(),
    sockpair: sockpair.optional(),
  }),
  z.strictObject({
    op: z.literal('save'),
    compat: z.boolean(),
    named: z.boolean().optional(),
  }),
]);

/** A batch: all of it is done, or nothing. */
export const ipvsRequest: z.ZodType<{ readonly commands: readonly IpvsCommand[] }> = z.strictObject(
  { commands: z.array(command).min(1).max(COMMANDS_MAX) },
);

/** A service as `PUT` wants it; options that are left out have their default. */
export interface ServiceBody {
  readonly scheduler?: IpvsServiceOptions['scheduler'];
  readonly persistence_s?: number | undefined;
  readonly mask_length?: number | undefined;
  readonly scheduler_flags?: IpvsServiceOptions['schedulerFlags'];
  readonly one_packet?: boolean | undefined;
  readonly conn_timeout_s?: number | undefined;
  readonly expire_quiescent?: boolean | undefined;
  readonly proxy_protocol?: 'off' | 'v2' | undefined;
  readonly synproxy?: IpvsServiceOptions['synProxy'];
  /** Exactly these; those that are there stay when it is left out. */
  readonly servers?: readonly (IpvsServer & IpvsServerOptions)[] | undefined;
  readonly local_addresses?: readonly string[] | undefined;
}

export const serviceBody: z.ZodType<ServiceBody> = z.strictObject({
  scheduler: serviceOptions.shape.scheduler,
  persistence_s: serviceOptions.shape.persistenceS,
  mask_length: serviceOptions.shape.maskLength,
  scheduler_flags: serviceOptions.shape.schedulerFlags,
  one_packet: serviceOptions.shape.onePacket,
  conn_timeout_s: serviceOptions.shape.connTimeoutS,
  expire_quiescent: serviceOptions.shape.expireQuiescent,
  proxy_protocol: serviceOptions.shape.proxyProtocol,
  synproxy: serviceOptions.shape.synProxy,
  servers: z.array(z.strictObject({ ...server.shape, ...serverOptions.shape })).optional(),
  local_addresses: z.array(address).max(ADDRESSES_MAX).optional(),
});

export const serverBody: z.ZodType<IpvsServerOptions> = serverOptions;

/** Exactly these local addresses. */
export const localBody: z.ZodType<{ readonly addresses: readonly string[] }> = z.strictObject({
  addresses,
});

/** Exactly these networks of clients. */
export const networksBody: z.ZodType<{ readonly networks: readonly string[] }> = z.strictObject({
  networks: z.array(listEntry).max(NETWORKS_MAX),
});
