/**
 * Queueing disciplines, their classes and filters, as `tc -s` shows them.
 *
 * Source: include/uapi/linux/rtnetlink.h, pkt_sched.h, pkt_cls.h and gen_stats.h.
 *
 * @module
 */
import {
  attributeString,
  type Attributes,
  attributeU32,
  type NetlinkMessage,
  PayloadBuilder,
  readAttributes,
  structView,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';
import { RTM_GETQDISC, RTM_GETTFILTER, TCMSG_BYTES } from './traffic-control.ts';

const RTM_GETTCLASS = 42;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_STATS2 = 7;
const TCA_STATS_BASIC = 1;
const TCA_STATS_QUEUE = 3;
/** The first attribute of a shaper's options holds its parameters, which begin with its rate. */
const SHAPER_PARAMETERS = 1;
/** Of `tc_htb_opt`, behind the rate. */
const HTB_CEILING_AT = 12;
const RATE_AT = 8;
const HTB_RATE64 = 6;
const HTB_CEILING64 = 7;
const TBF_RATE64 = 4;
const BPF_NAME = 7;
const BPF_ID = 11;

/** Counters of a discipline, a class or a filter. */
export interface QueueStatistics {
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly overlimits: number;
  /** Waiting now. */
  readonly backlogBytes: number;
  readonly backlogPackets: number;
}

export interface Queueing {
  readonly ifindex: number;
  readonly kind: string;
  /** Major number in the upper 16 bits. */
  readonly handle: number;
  /** `0xffffffff` is the root. */
  readonly parent: number;
  readonly statistics: QueueStatistics;
  /** Bits per second that a shaper lets through and, of a class, those it may borrow up to. */
  readonly rateBps: number | undefined;
  readonly ceilingBps: number | undefined;
  /** Packets (bytes, for `bfifo`) that a queue holds. */
  readonly limit: number | undefined;
}

/** A filter of any kind. */
export interface TrafficFilter {
  readonly ifindex: number;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  readonly priority: number;
  /** EtherType; 3 is all. */
  readonly protocol: number;
  /** Of kind `bpf`. */
  readonly name: string | undefined;
  readonly programId: number | undefined;
}

/** Queueing disciplines of all interfaces. */
export function listQueueing(socket: RouteSocket): Queueing[] {
  return socket.dump('list queueing disciplines', RTM_GETQDISC, tcmsg(0, 0)).map(readQueueing);
}

/** Classes of an interface's disciplines. */
export function listClasses(socket: RouteSocket, ifindex: number): Queueing[] {
  const what = `list classes of interface ${ifindex}`;
  return socket.dump(what, RTM_GETTCLASS, tcmsg(ifindex, 0)).map(readQueueing);
}

/** Filters below one discipline or class of an interface. */
export function listFilters(socket: RouteSocket, ifindex: number, parent: number): TrafficFilter[] {
  const what = `list filters of interface ${ifindex}`;
  return socket
    .dump(what, RTM_GETTFILTER, tcmsg(ifindex, parent))
    .map(readFilter)
    .filter(({ kind, handle }) => handle !== 0 && !isHashTable(kind, handle));
}

/** Filters of kind `u32` stand in tables, which are dumped like filters: their handles name no node. */
function isHashTable(kind: string, handle: number): boolean {
  return kind === 'u32' && (handle & 0xf_ffff) === 0;
}

/** Reads the message of a discipline or a class. */
export function readQueueing({ payload }: NetlinkMessage): Queueing {
  const view = structView(payload, TCMSG_BYTES, 'queueing message');
  const attributes = readAttributes(payload, TCMSG_BYTES);
  const kind = attributeString(attributes, TCA_KIND) ?? '';
  return {
    ifindex: view.getInt32(4, true),
    handle: view.getUint32(8, true),
    parent: view.getUint32(12, true),
    kind,
    statistics: statisticsIn(attributes.get(TCA_STATS2)),
    ...parametersOf(kind, attributes.get(TCA_OPTIONS) ?? new Uint8Array()),
  };
}

/** Reads the message of a filter; the head of a list of filters has the handle 0. */
export function readFilter({ payload }: NetlinkMessage): TrafficFilter {
  const view = structView(payload, TCMSG_BYTES, 'filter message');
  const attributes = readAttributes(payload, TCMSG_BYTES);
  const kind = attributeString(attributes, TCA_KIND) ?? '';
  const options: Attributes =
    kind === 'bpf' ? readAttributes(attributes.get(TCA_OPTIONS) ?? new Uint8Array()) : new Map();
  return {
    ifindex: view.getInt32(4, true),
    kind,
    handle: view.getUint32(8, true),
    parent: view.getUint32(12, true),
    priority: view.getUint16(18, true),
    // In network byte order, in the lower half of a number that is not.
    protocol: view.getUint16(16, false),
    name: attributeString(options, BPF_NAME),
    programId: attributeU32(options, BPF_ID),
  };
}

function statisticsIn(bytes: Uint8Array | undefined): QueueStatistics {
  const parts = readAttributes(bytes ?? new Uint8Array());
  const basic = structView(parts.get(TCA_STATS_BASIC) ?? new Uint8Array(12), 12, 'counters');
  const queue = structView(parts.get(TCA_STATS_QUEUE) ?? new Uint8Array(20), 20, 'queue');
  return {
    bytes: Number(basic.getBigUint64(0, true)),
    packets: basic.getUint32(8, true),
    backlogPackets: queue.getUint32(0, true),
    backlogBytes: queue.getUint32(4, true),
    drops: queue.getUint32(8, true),
    overlimits: queue.getUint32(16, true),
  };
}

type Parameters = Pick<Queueing, 'rateBps' | 'ceilingBps' | 'limit'>;

const NONE: Parameters = { rateBps: undefined, ceilingBps: undefined, limit: undefined };

function parametersOf(kind: string, options: Uint8Array): Parameters {
  if ((kind === 'pfifo' || kind === 'bfifo') && options.length >= 4) {
    return { ...NONE, limit: structView(options, 4, 'length of a queue').getUint32(0, true) };
  }
  if (kind !== 'htb' && kind !== 'tbf') return NONE;
  const attributes = readAttributes(options);
  const parameters = attributes.get(SHAPER_PARAMETERS);
  if (!parameters) return NONE;
  const view = structView(parameters, 24, 'parameters of a shaper');
  // 32 bits of bytes per second hold 34 Gbit/s; beyond that the rate stands in an attribute of its own.
  const bits = (at: number, wide: number): number => {
    const bytes = attributes.get(wide);
    const value = bytes
      ? Number(structView(bytes, 8, 'rate').getBigUint64(0, true))
      : view.getUint32(at, true);
    return value * 8;
  };
  if (kind === 'tbf') return { ...NONE, rateBps: bits(RATE_AT, TBF_RATE64) };
  return {
    ...NONE,
    rateBps: bits(RATE_AT, HTB_RATE64),
    ceilingBps: bits(HTB_CEILING_AT + RATE_AT, HTB_CEILING64),
  };
}

function tcmsg(ifindex: number, parent: number): Uint8Array {
  return new PayloadBuilder()
    .struct(TCMSG_BYTES, (view) => {
      view.setInt32(4, ifindex, true);
      view.setUint32(12, parent, true);
    })
    .build();
}
