/**
 * Routes.
 *
 * Source: include/uapi/linux/rtnetlink.h and rtnetlink(7).
 *
 * @module
 */
import { FormatError, ValueError } from '../errors.ts';
import { formatIp, parseIp } from '../ip-address.ts';
import { AF_INET, AF_INET6 } from './addresses.ts';
import {
  type Attributes,
  attributeU32,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  PayloadBuilder,
  readAttributes,
  structView,
  type NetlinkMessage,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RTMSG_BYTES = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const NEXT_HOP_BYTES = 8;

const TABLE_MAIN = 254;
const PROTOCOL_STATIC = 4;
const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
/** In a deletion: whatever the scope. */
const SCOPE_NOWHERE = 255;
const TYPE_UNICAST = 1;

export interface Route {
  /** Destination as `10.0.0.0/8`; `0.0.0.0/0` and `::/0` are the default routes. */
  readonly destination: string;
  readonly gateway: string | undefined;
  /** Output interface. */
  readonly ifindex: number | undefined;
  /** Preferred source address. */
  readonly source: string | undefined;
  readonly priority: number;
  readonly table: number;
  /** 1 unicast, 2 local, 3 broadcast, 5 multicast, 6 blackhole, 7 unreachable. */
  readonly type: number;
  /** Type of service it is for; 0 is any. */
  readonly tos: number;
  /** 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** Who made it: 2 the kernel, 3 at boot, 4 the administrator; more in `/etc/iproute2/rt_protos`. */
  readonly protocol: number;
  /** Bytes; `undefined` for that of the interface. */
  readonly mtu: number | undefined;
  /** Of a route with several ways; empty for one with a single way. */
  readonly nextHops: readonly NextHop[];
}

/** One of several ways. */
export interface NextHop {
  readonly ifindex: number;
  readonly gateway: string | undefined;
  /** Share of the flows, from 1. */
  readonly weight: number;
}

export interface RouteSpec {
  readonly destination: string;
  readonly gateway?: string;
  readonly ifindex?: number;
  readonly source?: string;
  readonly priority?: number;
  /** 254, the main table, by default. */
  readonly table?: number;
}

/** Routes of all tables, IPv4 and IPv6. */
export function listRoutes(socket: RouteSocket): Route[] {
  return [AF_INET, AF_INET6].flatMap((family) => {
    const request = new PayloadBuilder().struct(RTMSG_BYTES, (v) => v.setUint8(0, family)).build();
    return socket.dump('list routes', RTM_GETROUTE, request).map(readRoute);
  });
}

/** The route the kernel takes to an address. */
export function routeTo(socket: RouteSocket, address: string): Route | undefined {
  const bytes = parseIp(address);
  const request = new PayloadBuilder()
    .struct(RTMSG_BYTES, (view) => {
      view.setUint8(0, familyOf(bytes));
      view.setUint8(1, bytes.length * 8);
    })
    .bytes(RTA_DST, bytes)
    .build();
  return socket.get(`find the route to ${address}`, RTM_GETROUTE, request).map(readRoute)[0];
}

/** Reads a route message, of an answer or a change. */
export function readRoute(message: NetlinkMessage): Route {
  const view = structView(message.payload, RTMSG_BYTES, 'route message');
  const attributes = readAttributes(message.payload, RTMSG_BYTES);
  const optional = (type: number): string | undefined => {
    const bytes = attributes.get(type);
    return bytes && formatIp(bytes);
  };
  const anything = view.getUint8(0) === AF_INET6 ? '::' : '0.0.0.0';
  return {
    destination: `${optional(RTA_DST) ?? anything}/${view.getUint8(1)}`,
    gateway: gatewayIn(attributes),
    ifindex: attributeU32(attributes, RTA_OIF),
    source: optional(RTA_PREFSRC),
    priority: attributeU32(attributes, RTA_PRIORITY) ?? 0,
    table: attributeU32(attributes, RTA_TABLE) ?? view.getUint8(4),
    type: view.getUint8(7),
    tos: view.getUint8(3),
    scope: view.getUint8(6),
    protocol: view.getUint8(5),
    mtu: attributeU32(readAttributes(attributes.get(RTA_METRICS) ?? new Uint8Array()), RTAX_MTU),
    nextHops: nextHopsIn(attributes.get(RTA_MULTIPATH) ?? new Uint8Array()),
  };
}

/** The gateway, which may be of the other family than the route (`RTA_VIA` has it behind its family). */
function gatewayIn(attributes: Attributes): string | undefined {
  const bytes = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  return bytes && formatIp(bytes);
}

function nextHopsIn(bytes: Uint8Array): NextHop[] {
  const hops: NextHop[] = [];
  for (let at = 0; at + NEXT_HOP_BYTES <= bytes.length;) {
    const view = structView(bytes.subarray(at), NEXT_HOP_BYTES, 'next hop');
    const length = view.getUint16(0, true);
    if (length < NEXT_HOP_BYTES || at + length > bytes.length) {
      throw new FormatError(`netlink: next hop of ${length} bytes at ${at} of ${bytes.length}`);
    }
    const attributes = readAttributes(bytes.subarray(at, at + length), NEXT_HOP_BYTES);
    hops.push({
      ifindex: view.getInt32(4, true),
      gateway: gatewayIn(attributes),
      weight: view.getUint8(3) + 1,
    });
    at += (length + 3) & ~3;
  }
  return hops;
}

/**
 * Adds a route.
 *
 * @param mode - `create` fails with EEXIST when the route exists; `replace` changes it.
 */
export function addRoute(
  socket: RouteSocket,
  spec: RouteSpec,
  mode: 'create' | 'replace' = 'create',
): void {
  const flags = NLM_F_CREATE | (mode === 'create' ? NLM_F_EXCL : NLM_F_REPLACE);
  socket.change(`add route to ${spec.destination}`, RTM_NEWROUTE, routePayload(spec), flags);
}

export function deleteRoute(socket: RouteSocket, spec: RouteSpec): void {
  socket.change(`delete route to ${spec.destination}`, RTM_DELROUTE, routeRequest(spec, ANY_KIND));
}

/** The message body that adds a route; exported for tests. */
export function routePayload(spec: RouteSpec): Uint8Array {
  const scope = spec.gateway === undefined ? SCOPE_LINK : SCOPE_UNIVERSE;
  return routeRequest(spec, { protocol: PROTOCOL_STATIC, scope, type: TYPE_UNICAST });
}

interface RouteKind {
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
}

const ANY_KIND: RouteKind = { protocol: 0, scope: SCOPE_NOWHERE, type: 0 };

function routeRequest(spec: RouteSpec, kind: RouteKind): Uint8Array {
  const { destination, prefixLength } = parsePrefix(spec.destination);
  const table = spec.table ?? TABLE_MAIN;
  const payload = new PayloadBuilder()
    .struct(RTMSG_BYTES, (view) => {
      view.setUint8(0, familyOf(destination));
      view.setUint8(1, prefixLength);
      view.setUint8(4, table < 256 ? table : 0);
      view.setUint8(5, kind.protocol);
      view.setUint8(6, kind.scope);
      view.setUint8(7, kind.type);
    })
    .u32(RTA_TABLE, table);
  if (prefixLength > 0) payload.bytes(RTA_DST, destination);
  if (spec.gateway !== undefined) payload.bytes(RTA_GATEWAY, parseIp(spec.gateway));
  if (spec.ifindex !== undefined) payload.u32(RTA_OIF, spec.ifindex);
  if (spec.source !== undefined) payload.bytes(RTA_PREFSRC, parseIp(spec.source));
  if (spec.priority !== undefined) payload.u32(RTA_PRIORITY, spec.priority);
  return payload.build();
}

function parsePrefix(text: string): { destination: Uint8Array; prefixLength: number } {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const destination = match && parseIp(match[1]!);
  const prefixLength = Number(match?.[2]);
  if (!destination || prefixLength > destination.length * 8) {
    throw new ValueError(`not a prefix: ${JSON.stringify(text)}; expected address/length`);
  }
  return { destination, prefixLength };
}

function familyOf(address: Uint8Array): number {
  return address.length === 16 ? AF_INET6 : AF_INET;
}
