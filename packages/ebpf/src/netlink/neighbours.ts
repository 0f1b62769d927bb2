/**
 * Neighbours: which MAC address an IP address on a link has.
 *
 * Source: include/uapi/linux/neighbour.h and rtnetlink(7).
 *
 * @module
 */
import { formatIp, formatMac, parseIp, parseMac } from '../ip-address.ts';
import { AF_INET, AF_INET6 } from './addresses.ts';
import {
  attributeU32,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  PayloadBuilder,
  readAttributes,
  structView,
  type NetlinkMessage,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

const NDMSG_BYTES = 12;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_CACHEINFO = 3;
const NDA_FLAGS_EXT = 15;
const NTF_USE = 1;
const NTF_EXT_MANAGED = 1;
/** Ticks of the times in `nda_cacheinfo` are those of `USER_HZ`, whatever the kernel's own are. */
const MS_PER_TICK = 10;

/** `NUD_*` bits of a neighbour's state. */
export const NEIGHBOUR_STATES = {
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
} as const;

export interface Neighbour {
  readonly ifindex: number;
  readonly address: string;
  readonly mac: string | undefined;
  /** Bits of `NEIGHBOUR_STATES`. */
  readonly state: number;
  /** The kernel keeps the entry resolved by itself. */
  readonly managed: boolean;
  /** Milliseconds since the kernel last knew that the neighbour is there, in steps of 10. */
  readonly unconfirmedMs: number;
}

export interface NeighbourSpec {
  readonly ifindex: number;
  readonly address: string;
  /** A permanent entry with this address; without it the kernel resolves the neighbour. */
  readonly mac?: string;
}

export function listNeighbours(socket: RouteSocket): Neighbour[] {
  const request = new PayloadBuilder().struct(NDMSG_BYTES, () => {}).build();
  return socket
    .dump('list neighbours', RTM_GETNEIGH, request)
    .filter(({ payload }) => payload[0] === AF_INET || payload[0] === AF_INET6)
    .map(readNeighbour);
}

/** Reads a neighbour message, of an answer or a change. */
export function readNeighbour(message: NetlinkMessage): Neighbour {
  const view = structView(message.payload, NDMSG_BYTES, 'neighbour message');
  const attributes = readAttributes(message.payload, NDMSG_BYTES);
  const address = attributes.get(NDA_DST);
  const mac = attributes.get(NDA_LLADDR);
  const times = attributes.get(NDA_CACHEINFO);
  return {
    ifindex: view.getInt32(4, true),
    address: address ? formatIp(address) : '',
    mac: mac && formatMac(mac),
    state: view.getUint16(8, true),
    managed: ((attributeU32(attributes, NDA_FLAGS_EXT) ?? 0) & NTF_EXT_MANAGED) !== 0,
    unconfirmedMs: times
      ? structView(times, 4, 'times of a neighbour').getUint32(0, true) * MS_PER_TICK
      : 0,
  };
}

/**
 * Adds or replaces a neighbour: permanent with the MAC that is given, otherwise *managed*, which means
 * that the kernel (5.16 and later) resolves it now and keeps it fresh.
 */
export function setNeighbour(socket: RouteSocket, spec: NeighbourSpec): void {
  const what = `set neighbour ${spec.address} on interface ${spec.ifindex}`;
  socket.change(what, RTM_NEWNEIGH, neighbourPayload(spec), NLM_F_CREATE | NLM_F_REPLACE);
}

/**
 * Asks a neighbour whether it is still there, at the MAC address that is known; packets use that meanwhile.
 * Without an answer the entry fails after the kernel's number of tries.
 *
 * @throws {SyscallError} EINVAL when no MAC address is known.
 */
export function probeNeighbour(socket: RouteSocket, neighbour: NeighbourUpdate): void {
  const what = `probe neighbour ${neighbour.address} on interface ${neighbour.ifindex}`;
  updateNeighbour(socket, what, neighbour, NEIGHBOUR_STATES.probe);
}

/** Forgets the MAC address of a managed neighbour and asks everybody on the link for it. Packets wait. */
export function resolveNeighbour(
  socket: RouteSocket,
  neighbour: Omit<NeighbourUpdate, 'managed'>,
): void {
  const what = `resolve neighbour ${neighbour.address} on interface ${neighbour.ifindex}`;
  updateNeighbour(socket, what, { ...neighbour, managed: true }, NEIGHBOUR_STATES.failed);
}

/** A neighbour whose state changes; it is managed afterwards if `managed` says so. */
type NeighbourUpdate = Pick<Neighbour, 'ifindex' | 'address' | 'managed'>;

/** The kernel ignores the state in a message that says "managed", and ends managing with one that does not. */
function updateNeighbour(
  socket: RouteSocket,
  what: string,
  { ifindex, address, managed }: NeighbourUpdate,
  state: number,
): void {
  const spec = { ifindex, address };
  socket.change(what, RTM_NEWNEIGH, ndmsg(spec, { state, flags: 0 }).build(), NLM_F_REPLACE);
  if (managed) setNeighbour(socket, spec);
}

export function deleteNeighbour(
  socket: RouteSocket,
  spec: { readonly ifindex: number; readonly address: string },
): void {
  const what = `delete neighbour ${spec.address} of interface ${spec.ifindex}`;
  const payload = ndmsg(spec, { state: 0, flags: 0 }).build();
  socket.change(what, RTM_DELNEIGH, payload);
}

/** The message body of a neighbour; exported for tests. */
export function neighbourPayload(spec: NeighbourSpec): Uint8Array {
  if (spec.mac !== undefined) {
    const permanent = ndmsg(spec, { state: NEIGHBOUR_STATES.permanent, flags: 0 });
    return permanent.bytes(NDA_LLADDR, parseMac(spec.mac)).build();
  }
  return ndmsg(spec, { state: 0, flags: NTF_USE }).u32(NDA_FLAGS_EXT, NTF_EXT_MANAGED).build();
}

function ndmsg(
  spec: { readonly ifindex: number; readonly address: string },
  bits: { readonly state: number; readonly flags: number },
): PayloadBuilder {
  const address = parseIp(spec.address);
  return new PayloadBuilder()
    .struct(NDMSG_BYTES, (view) => {
      view.setUint8(0, address.length === 16 ? AF_INET6 : AF_INET);
      view.setInt32(4, spec.ifindex, true);
      view.setUint16(8, bits.state, true);
      view.setUint8(10, bits.flags);
    })
    .bytes(NDA_DST, address);
}
