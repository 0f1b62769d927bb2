/**
 * What each of the plane's routes does, for the OpenAPI document.
 *
 * @module
 */
import { type Operations, z } from '@balancer/kit';
import { flowQuery, roleRequest } from './admin.ts';
import { PROTOCOL_NAMES } from './constants.ts';
import type { PlaneDigest } from './digest.ts';
import type { Finding } from './finding.ts';
import type { FlowView } from './flows.ts';
import type { IpvsAnswer } from './ipvs/commands.ts';
import { ipvsRequest, localBody, networksBody, serverBody, serviceBody } from './ipvs/request.ts';
import type { ListEntry } from './list-hits.ts';
import type { FlowPlace } from './lookup.ts';
import { type Announcement, ROLES } from './presence.ts';
import { membersBody, setBody, type SetDocument, setNetworksBody } from './set-routes.ts';
import type { PlaneDocument, ServiceDocument } from './status.ts';

const count = z.int().min(0);
const traffic = z.strictObject({
  conns: z.number(),
  in_packets: z.number(),
  out_packets: z.number(),
  in_bytes: z.number(),
  out_bytes: z.number(),
});

const list = z.strictObject({ entries: count, hits: count });

/** A line of `GET /l4/services`. */
const service: z.ZodType<ServiceDocument> = z.strictObject({
  service: z.string(),
  protocol: z.string(),
  address: z.string(),
  port: count,
  scheduler: z.string(),
  hash: z.string(),
  persistence_s: count,
  conn_timeout_s: count,
  local_addresses: z.array(z.string()),
  deny: list,
  allow: list,
  counters: traffic,
  rates: traffic,
  backends: z.array(
    z.strictObject({
      address: z.string(),
      port: count,
      mode: z.string(),
      weight: count,
      health: z.string(),
      inhibited: z.boolean(),
      upper: count,
      lower: count,
      overloaded: z.boolean(),

      active: z.int(),
      inactive: z.int(),
      persistent: z.int(),
      up_events: count,
      down_events: count,
      counters: traffic,
      rates: traffic,
    }),
  ),
});

const drops = z.record(z.string(), z.strictObject({ packets: count, bytes: count }));

/** `GET /l4/stats`. */
export const planeSchema: z.ZodType<PlaneDocument> = z.strictObject({
  process: z.strictObject({ pid: count, unwatched_s: z.number().nullable() }),
  interfaces: z.array(z.strictObject({ name: z.string(), hook: z.string() })),
  hook_reason: z.string(),
  flows: z.strictObject({ entries: count, max: count, collection_seconds: z.number() }),
  services: z.array(service),
  local_addresses: z.array(
    z.strictObject({
      address: z.string(),
      service: z.string(),
      port_low: count,
      port_high: count,
      ports: count,
      conns: count,
      conflicts: count,
      misses: count,
    }),
  ),
  drops,
});

const flow: z.ZodType<FlowView> = z.strictObject({
  protocol: z.enum(PROTOCOL_NAMES),
  state: z.string(),
  expiresS: z.number(),
  mode: z.enum(['dr', 'tunnel', 'nat', 'fnat', 'snat', 'dr-ip']),
  client: z.string(),
  clientPort: count,
  virtual: z.string(),
  virtualPort: count,
  local: z.string(),
  localPort: count,
  destination: z.string(),
  destinationPort: count,
});

const finding: z.ZodType<Finding> = z.strictObject({
  level: z.enum(['problem', 'warning', 'hint']),
  what: z.string(),
  mend: z.string(),
});

const place: z.ZodType<FlowPlace> = z.strictObject({
  hash: count,
  slot: count,
  backend: z.string(),
});

const announcement: z.ZodType<Announcement> = z.strictObject({
  address: z.string(),
  announced: z.boolean(),
  reason: z.string(),
});

const presence = z.strictObject({ role: z.enum(ROLES), addresses: z.array(announcement) });

const digest: z.ZodType<PlaneDigest> = z.strictObject({
  digest: z.string(),
  services: z.array(z.strictObject({ service: z.string(), digest: z.string() })),
});

const listEntries: z.ZodType<readonly ListEntry[]> = z.array(
  z.strictObject({ network: z.string(), hits: count }),
);

const setDocuments: z.ZodType<readonly SetDocument[]> = z.array(
  z.strictObject({
    name: z.string(),
    networks: z.array(z.string()),
    services: z.array(z.string()),
    ordered: z.boolean(),
  }),
);

const ipvsAnswer: z.ZodType<IpvsAnswer> = z.strictObject({
  output: z.string(),
  errors: z.array(z.strictObject({ command: count, message: z.string() })),
});

const NOT_OPEN = { 409: 'the packet plane is not running, or cannot do this' } as const;
const BAD = { 400: 'the request cannot be read' } as const;
const UNKNOWN = { 404: 'there is no such service' } as const;
const UNKNOWN_SET = { 404: 'there is no such set' } as const;
const saved = z.strictObject({
  save: z.enum(['true']).optional().describe('keep all orders in l4.state_file'),
});

/** The routes of `l4Routes`. */
export const l4Operations: Operations = {
  'GET /l4/stats': { summary: 'The whole plane', answer: planeSchema, refusals: NOT_OPEN },
  'GET /l4/services': {
    summary: 'Services with their servers',
    answer: z.array(service),
    refusals: NOT_OPEN,
  },
  'GET /l4/drops': {
    summary: 'Dropped packets by reason',
    answer: drops,
    refusals: NOT_OPEN,
  },
  'GET /l4/conns': {
    summary: 'Flows, in pages',
    query: flowQuery,
    answer: z.array(flow),
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'DELETE /l4/conns': {
    summary:
      'Ends flows: connections are reset at their next segment, others are forgotten; at least one of service, client, backend and state says which',
    query: flowQuery,
    answer: z.strictObject({ removed: count }),
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'GET /l4/findings': {
    summary: 'What is wrong with the host, the servers or the counters',
    answer: z.array(finding),
    refusals: NOT_OPEN,
  },
  'GET /l4/lookup': {
    summary: 'Where a flow would go, for schedulers by key',
    query: z.strictObject({
      service: z.string(),
      client: z.string(),
      protocol: z.enum(['tcp', 'udp']).optional(),
    }),
    answer: place,
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'GET /l4/backend-setup': {
    summary: 'Commands that make the servers ready',
    answer: 'text/plain',
    refusals: NOT_OPEN,
  },
  'GET /l4/events': {
    summary: 'Events as they happen: drop, neighbour, mended, flows-filling, changed',
    answer: 'text/event-stream',
    refusals: NOT_OPEN,
  },
  'GET /l4/announcements': {
    summary: 'Which addresses of services are on this host, and why others are not',
    answer: presence,
    refusals: NOT_OPEN,
  },
  'POST /l4/ha': {
    summary: 'Takes or gives up the addresses of services',
    body: roleRequest,
    answer: presence,
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'GET /l4/digest': {
    summary: 'What decides where flows go, as one hash',
    answer: digest,
    refusals: NOT_OPEN,
  },
  'POST /l4/ipvs': {
    summary: 'A batch of commands of ipvsadm: all of it, or nothing',
    body: ipvsRequest,
    answer: ipvsAnswer,
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'POST /l4/save': {
    summary: 'Keeps all orders in l4.state_file',
    answer: z.strictObject({ file: z.string() }),
    refusals: NOT_OPEN,
  },
  'PUT /l4/services/:service': {
    summary:
      'Makes a service so; its name is address-port-protocol, 203.0.113.1-80-tcp, or a rule, proto=tcp,oif=eth1',
    query: saved,
    body: serviceBody,
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'DELETE /l4/services/:service': {
    summary: 'Deletes a service',
    query: saved,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'PUT /l4/services/:service/servers/:server': {
    summary: 'Adds a server or changes it; its name is address:port',
    query: saved,
    body: serverBody,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'DELETE /l4/services/:service/servers/:server': {
    summary: 'Takes a server out of a service',
    query: saved,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'PUT /l4/services/:service/laddr': {
    summary: 'Gives a service exactly these local addresses',
    query: saved,
    body: localBody,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'DELETE /l4/services/:service/laddr': {
    summary: 'Takes the local addresses of a service',
    query: saved,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'GET /l4/services/:service/deny': {
    summary: 'Networks and sets of clients that may not use a service, with the flows each refused',
    answer: listEntries,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'PUT /l4/services/:service/deny': {
    summary: 'Sets exactly the networks of clients that may not use a service',
    query: saved,
    body: networksBody,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'DELETE /l4/services/:service/deny': {
    summary: 'Empties the list of networks of clients that may not use a service',
    query: saved,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'GET /l4/services/:service/allow': {
    summary: 'Networks and sets of clients that may use a service, with the flows each admitted',
    answer: listEntries,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'PUT /l4/services/:service/allow': {
    summary:
      'Sets exactly the networks of clients that may use a service; nobody is left out without any',
    query: saved,
    body: networksBody,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'DELETE /l4/services/:service/allow': {
    summary: 'Empties the list of networks of clients that may use a service',
    query: saved,
    refusals: { ...BAD, ...UNKNOWN, ...NOT_OPEN },
  },
  'GET /l4/sets': {
    summary: 'Named sets of networks, which lists of clients refer to as ipset:name',
    answer: setDocuments,
    refusals: NOT_OPEN,
  },
  'POST /l4/sets': {
    summary: 'Makes a set',
    query: saved,
    body: setBody,
    refusals: { ...BAD, ...NOT_OPEN },
  },
  'PUT /l4/sets/:set': {
    summary: 'Gives a set exactly these networks, for all services whose lists name it',
    query: saved,
    body: setNetworksBody,
    refusals: { ...BAD, ...UNKNOWN_SET, ...NOT_OPEN },
  },
  'DELETE /l4/sets/:set': {
    summary: 'Destroys a set that no service names',
    query: saved,
    refusals: { ...BAD, ...UNKNOWN_SET, ...NOT_OPEN },
  },
  'POST /l4/sets/:set/members': {
    summary: 'Adds networks to a set and removes some: all of it, or nothing',
    query: saved,
    body: membersBody,
    refusals: { ...BAD, ...UNKNOWN_SET, ...NOT_OPEN },
  },
  'GET /l4/sets/:set/test': {
    summary: 'Whether an address or a network is in one of the networks of a set',
    query: z.strictObject({ network: z.string() }),
    answer: z.strictObject({ member: z.boolean() }),
    refusals: { ...BAD, ...UNKNOWN_SET, ...NOT_OPEN },
  },
};
