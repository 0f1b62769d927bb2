/**
 * Network interfaces: listing, veth pairs, changing, and attaching XDP where bpf links are missing.
 *
 * Source: include/uapi/linux/if_link.h and rtnetlink(7).
 *
 * @module
 */
import { constants } from 'node:os';
import { SyscallError } from '../errors.ts';
import { formatMac, parseMac } from '../ip-address.ts';
import {
  attributeString,
  attributeU32,
  attributeU8,
  NLM_F_CREATE,
  NLM_F_EXCL,
  PayloadBuilder,
  readAttributes,
  structView,
  type NetlinkMessage,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
const RTM_SETLINK = 19;

const IFINFO_BYTES = 16;
const IFF_UP = 1;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_XDP = 43;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_XDP_FD = 1;
const IFLA_XDP_ATTACHED = 2;
const IFLA_XDP_FLAGS = 3;
const IFLA_XDP_PROG_ID = 4;
const IFLA_XDP_EXPECTED_FD = 8;

const XDP_FLAGS_UPDATE_IF_NOEXIST = 1;
const XDP_FLAGS_REPLACE = 16;

export interface LinkDescription {
  readonly ifindex: number;
  readonly name: string;
  /** `veth`, `bridge`, `vlan` and so on; `undefined` for hardware and loopback. */
  readonly kind: string | undefined;
  readonly mac: string | undefined;
  /** Bytes. */
  readonly mtu: number;
  readonly up: boolean;
  /** `IFF_*`. */
  readonly flags: number;
  /** Interface this one is part of, such as its bridge. */
  readonly master: number | undefined;
  /** Lower interface of a vlan, or the other end of a veth pair (in its namespace's numbering). */
  readonly lower: number | undefined;
  /** Id of the attached XDP program; 0 when there is none. */
  readonly xdpProgramId: number;
  /** `none`, `native`, `generic`, `hardware` or several at once. */
  readonly xdpMode: 'none' | 'native' | 'generic' | 'hardware' | 'multiple';
}

export interface LinkChange {
  readonly up?: boolean;
  readonly mac?: string;
  readonly mtu?: number;
  readonly name?: string;
  /** Interface index of a bridge to join; 0 leaves it. */
  readonly master?: number;
  /** Descriptor of the network namespace to move to. */
  readonly namespaceFd?: number;
}

/** All interfaces of the socket's namespace. */
export function listLinks(socket: RouteSocket): LinkDescription[] {
  return socket.dump('list interfaces', RTM_GETLINK, ifinfo(0).build()).map(readLink);
}

/** One interface, or `undefined` if there is none with this name. */
export function findLink(socket: RouteSocket, name: string): LinkDescription | undefined {
  const request = ifinfo(0).string(IFLA_IFNAME, name).build();
  try {
    return socket.get(`look up interface ${name}`, RTM_GETLINK, request).map(readLink)[0];
  } catch (error) {
    const { ENODEV, ERANGE } = constants.errno;
    const missing = error instanceof SyscallError && [ENODEV, ERANGE].includes(error.errno);
    if (missing) return undefined;
    throw error;
  }
}

/** Reads a link message, of an answer or a change. */
export function readLink(message: NetlinkMessage): LinkDescription {
  const view = structView(message.payload, IFINFO_BYTES, 'link message');
  const attributes = readAttributes(message.payload, IFINFO_BYTES);
  const info = readAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array());
  const xdp = readAttributes(attributes.get(IFLA_XDP) ?? new Uint8Array());
  const mac = attributes.get(IFLA_ADDRESS);
  const flags = view.getUint32(8, true);
  return {
    ifindex: view.getInt32(4, true),
    name: attributeString(attributes, IFLA_IFNAME) ?? '',
    kind: attributeString(info, IFLA_INFO_KIND),
    mac: mac && formatMac(mac),
    mtu: attributeU32(attributes, IFLA_MTU) ?? 0,
    up: (flags & IFF_UP) !== 0,
    flags,
    master: attributeU32(attributes, IFLA_MASTER),
    lower: attributeU32(attributes, IFLA_LINK),
    xdpProgramId: attributeU32(xdp, IFLA_XDP_PROG_ID) ?? 0,
    xdpMode: XDP_MODES[attributeU8(xdp, IFLA_XDP_ATTACHED) ?? 0] ?? 'none',
  };
}

const XDP_MODES = ['none', 'native', 'generic', 'hardware', 'multiple'] as const;

/** Creates two interfaces connected to each other; `peer` may be born in another namespace. */
export function createVeth(
  socket: RouteSocket,
  options: { readonly name: string; readonly peer: string; readonly peerNamespaceFd?: number },
): void {
  const { name, peer, peerNamespaceFd } = options;
  const payload = ifinfo(0)
    .string(IFLA_IFNAME, name)
    .nested(IFLA_LINKINFO, (info) => {
      info.string(IFLA_INFO_KIND, 'veth').nested(IFLA_INFO_DATA, (data) => {
        data.nested(VETH_INFO_PEER, (end) => {
          end.struct(IFINFO_BYTES, () => {}).string(IFLA_IFNAME, peer);
          if (peerNamespaceFd !== undefined) end.u32(IFLA_NET_NS_FD, peerNamespaceFd);
        });
      });
    });
  const what = `create veth pair ${name} and ${peer}`;
  socket.change(what, RTM_NEWLINK, payload.build(), NLM_F_CREATE | NLM_F_EXCL);
}

/** Creates an interface of a kind that needs no parameters, such as `dummy` or `bridge`. */
export function createLink(
  socket: RouteSocket,
  options: { readonly name: string; readonly kind: string },
): void {
  const { name, kind } = options;
  const payload = ifinfo(0)
    .string(IFLA_IFNAME, name)
    .nested(IFLA_LINKINFO, (info) => info.string(IFLA_INFO_KIND, kind));
  const what = `create ${kind} interface ${name}`;
  socket.change(what, RTM_NEWLINK, payload.build(), NLM_F_CREATE | NLM_F_EXCL);
}

/** Changes what is given and leaves the rest. */
export function changeLink(socket: RouteSocket, ifindex: number, change: LinkChange): void {
  const { up, mac, mtu, name, master, namespaceFd } = change;
  const payload = ifinfo(ifindex, up);
  if (mac !== undefined) payload.bytes(IFLA_ADDRESS, parseMac(mac));
  if (mtu !== undefined) payload.u32(IFLA_MTU, mtu);
  if (name !== undefined) payload.string(IFLA_IFNAME, name);
  if (master !== undefined) payload.u32(IFLA_MASTER, master);
  if (namespaceFd !== undefined) payload.u32(IFLA_NET_NS_FD, namespaceFd);
  socket.change(`change interface ${ifindex}`, RTM_NEWLINK, payload.build());
}

export function deleteLink(socket: RouteSocket, ifindex: number): void {
  socket.change(`delete interface ${ifindex}`, RTM_DELLINK, ifinfo(ifindex).build());
}

/** Parameters of the netlink way to set an XDP program. */
export interface XdpOverNetlink {
  readonly ifindex: number;
  /** Program to attach; -1 detaches. */
  readonly programFd: number;
  /** `XDP_FLAGS_*` mode: 2 generic, 4 native, 0 whatever works. */
  readonly modeFlags: number;
  /** Only if this program is attached now; without it only if none is. */
  readonly expectedFd?: number;
}

/** The message body that sets an XDP program; exported for tests. */
export function xdpPayload(options: XdpOverNetlink): Uint8Array {
  const { ifindex, programFd, modeFlags, expectedFd } = options;
  const condition = expectedFd === undefined ? XDP_FLAGS_UPDATE_IF_NOEXIST : XDP_FLAGS_REPLACE;
  return ifinfo(ifindex)
    .nested(IFLA_XDP, (xdp) => {
      xdp.u32(IFLA_XDP_FD, programFd >>> 0).u32(IFLA_XDP_FLAGS, modeFlags | condition);
      if (expectedFd !== undefined) xdp.u32(IFLA_XDP_EXPECTED_FD, expectedFd);
    })
    .build();
}

/** Sets, replaces or removes an XDP program over netlink. */
export function setXdp(socket: RouteSocket, attempted: string, options: XdpOverNetlink): void {
  socket.change(attempted, RTM_SETLINK, xdpPayload(options));
}

function ifinfo(ifindex: number, up?: boolean): PayloadBuilder {
  return new PayloadBuilder().struct(IFINFO_BYTES, (view) => {
    view.setInt32(4, ifindex, true);
    if (up === undefined) return;
    view.setUint32(8, up ? IFF_UP : 0, true);
    view.setUint32(12, IFF_UP, true);
  });
}
