/**
 * What `ip -details -statistics link` says of interfaces beyond what attaching programs needs: counters,
 * queues, VLANs and tunnels.
 *
 * Source: include/uapi/linux/if_link.h and if_tunnel.h.
 *
 * @module
 */
import { formatIp } from '../ip-address.ts';
import { type LinkDescription, readLink, RTM_GETLINK } from './links.ts';
import {
  attributeString,
  type Attributes,
  attributeU16,
  attributeU32,
  attributeU8,
  type NetlinkMessage,
  PayloadBuilder,
  readAttributes,
  structView,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';

const IFINFO_BYTES = 16;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_STATS64 = 23;
const IFLA_PROMISCUITY = 30;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_VLAN_ID = 1;
const IFLA_VLAN_PROTOCOL = 5;
/** `rtnl_link_stats64` up to `rx_missed_errors`. */
const STATISTICS_BYTES = 16 * 8;

/** Since the interface was made; those of some drivers can be set to 0. */
export interface LinkStatistics {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
  readonly multicast: number;
  /** Frames for which the card had no room. */
  readonly rxMissed: number;
}

export interface TunnelEnds {
  /** `undefined`: any address. */
  readonly local: string | undefined;
  readonly remote: string | undefined;
  /** Interface that packets leave by; `undefined` for what the routes say. */
  readonly lower: number | undefined;
  /** 0 takes the inner packet's. */
  readonly ttl: number;
  readonly tos: number;
  /** Network identifier of VXLAN, key of GRE. */
  readonly key: number | undefined;
}

export interface LinkDetails extends LinkDescription {
  /** `IF_OPER_*`: 6 is up, 2 down, 0 unknown, as of devices that do not say. */
  readonly operState: number;
  readonly rxQueues: number;
  readonly txQueues: number;
  /** How many asked for frames to other machines. */
  readonly promiscuity: number;
  readonly statistics: LinkStatistics;
  readonly vlan: { readonly id: number; readonly protocol: '802.1Q' | '802.1ad' } | undefined;
  readonly tunnel: TunnelEnds | undefined;
}

/** All interfaces of the socket's namespace. */
export function listLinkDetails(socket: RouteSocket): LinkDetails[] {
  const request = new PayloadBuilder().struct(IFINFO_BYTES, () => {}).build();
  return socket.dump('list interfaces', RTM_GETLINK, request).map(readLinkDetails);
}

/** Reads a link message. */
export function readLinkDetails(message: NetlinkMessage): LinkDetails {
  const attributes = readAttributes(message.payload, IFINFO_BYTES);
  const info = readAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array());
  const kind = attributeString(info, IFLA_INFO_KIND) ?? '';
  const data = readAttributes(info.get(IFLA_INFO_DATA) ?? new Uint8Array());
  return {
    ...readLink(message),
    operState: attributeU8(attributes, IFLA_OPERSTATE) ?? 0,
    rxQueues: attributeU32(attributes, IFLA_NUM_RX_QUEUES) ?? 1,
    txQueues: attributeU32(attributes, IFLA_NUM_TX_QUEUES) ?? 1,
    promiscuity: attributeU32(attributes, IFLA_PROMISCUITY) ?? 0,
    statistics: statisticsIn(attributes.get(IFLA_STATS64)),
    vlan: kind === 'vlan' ? vlanIn(data) : undefined,
    tunnel: tunnelIn(kind, data),
  };
}

function statisticsIn(bytes: Uint8Array | undefined): LinkStatistics {
  const view = structView(bytes ?? new Uint8Array(STATISTICS_BYTES), STATISTICS_BYTES, 'counters');
  const counter = (index: number): number => Number(view.getBigUint64(index * 8, true));
  return {
    rxPackets: counter(0),
    txPackets: counter(1),
    rxBytes: counter(2),
    txBytes: counter(3),
    rxErrors: counter(4),
    txErrors: counter(5),
    rxDropped: counter(6),
    txDropped: counter(7),
    multicast: counter(8),
    rxMissed: counter(15),
  };
}

/** `ETH_P_8021AD` in network byte order, as a little-endian number. */
const SERVICE_TAG = 0xa888;

function vlanIn(data: Attributes): LinkDetails['vlan'] {
  const isService = attributeU16(data, IFLA_VLAN_PROTOCOL) === SERVICE_TAG;
  return {
    id: attributeU16(data, IFLA_VLAN_ID) ?? 0,
    protocol: isService ? '802.1ad' : '802.1Q',
  };
}

/** Where the parts of a tunnel stand in the attributes of its kind. */
interface TunnelAttributes {
  readonly lower: number;
  readonly local: readonly number[];
  readonly remote: readonly number[];
  readonly ttl: number;
  readonly tos: number;
  readonly key?: number;
}

const OF_IPIP: TunnelAttributes = { lower: 1, local: [2], remote: [3], ttl: 4, tos: 5 };
const OF_GRE: TunnelAttributes = { lower: 1, local: [6], remote: [7], ttl: 8, tos: 9, key: 5 };
const OF_VXLAN: TunnelAttributes = {
  lower: 3,
  local: [4, 17],
  remote: [2, 16],
  ttl: 5,
  tos: 6,
  key: 1,
};

const TUNNELS: Readonly<Record<string, TunnelAttributes>> = {
  ipip: OF_IPIP,
  sit: OF_IPIP,
  ip6tnl: OF_IPIP,
  gre: OF_GRE,
  gretap: OF_GRE,
  ip6gre: OF_GRE,
  ip6gretap: OF_GRE,
  vxlan: OF_VXLAN,
};

function tunnelIn(kind: string, data: Attributes): TunnelEnds | undefined {
  const places = TUNNELS[kind];
  if (!places) return undefined;
  const address = (types: readonly number[]): string | undefined => {
    const bytes = types.map((type) => data.get(type)).find((each) => each !== undefined);
    return bytes?.some((byte) => byte !== 0) ? formatIp(bytes) : undefined;
  };
  // The key of GRE is in network byte order, VXLAN's identifier is not.
  const key = places.key === undefined ? undefined : data.get(places.key);
  const number = key && structView(key, 4, 'key of a tunnel').getUint32(0, kind === 'vxlan');
  return {
    local: address(places.local),
    remote: address(places.remote),
    lower: attributeU32(data, places.lower) || undefined,
    ttl: attributeU8(data, places.ttl) ?? 0,
    tos: attributeU8(data, places.tos) ?? 0,
    key: number === undefined || (number === 0 && kind !== 'vxlan') ? undefined : number,
  };
}
