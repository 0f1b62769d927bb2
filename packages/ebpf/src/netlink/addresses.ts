/**
 * Addresses of interfaces.
 *
 * Source: include/uapi/linux/if_addr.h and rtnetlink(7).
 *
 * @module
 */
import { formatIp, parseIp } from '../ip-address.ts';
import {
  attributeU32,
  NLM_F_CREATE,
  NLM_F_EXCL,
  PayloadBuilder,
  readAttributes,
  structView,
  type NetlinkMessage,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const IFADDR_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
/** The address is usable at once: no duplicate address detection. */
const IFA_F_NODAD = 2;
/** A time without end in `ifa_cacheinfo`. */
const FOREVER = 0xffff_ffff;

export const AF_INET = 2;
export const AF_INET6 = 10;

export interface InterfaceAddress {
  readonly ifindex: number;
  readonly address: string;
  readonly prefixLength: number;
  /** 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** `IFA_F_*`. */
  readonly flags: number;
  /** Seconds for which new connections may use it, and for which it is there; `Infinity` without an end. */
  readonly preferredS: number;
  readonly validS: number;
}

/** An address to add or delete. */
export interface AddressSpec {
  readonly ifindex: number;
  readonly address: string;
  readonly prefixLength: number;
}

/** All IPv4 and IPv6 addresses of the socket's namespace. */
export function listAddresses(socket: RouteSocket): InterfaceAddress[] {
  const request = new PayloadBuilder().struct(IFADDR_BYTES, () => {}).build();
  return socket.dump('list addresses', RTM_GETADDR, request).map(readAddress);
}

/** Reads an address message, of an answer or a change. */
export function readAddress(message: NetlinkMessage): InterfaceAddress {
  const view = structView(message.payload, IFADDR_BYTES, 'address message');
  const attributes = readAttributes(message.payload, IFADDR_BYTES);
  // On a point-to-point link IFA_ADDRESS is the other end.
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  return {
    ifindex: view.getUint32(4, true),
    address: address ? formatIp(address) : '',
    prefixLength: view.getUint8(1),
    scope: view.getUint8(3),
    flags: attributeU32(attributes, IFA_FLAGS) ?? view.getUint8(2),
    ...lifetimes(attributes.get(IFA_CACHEINFO)),
  };
}

function lifetimes(bytes: Uint8Array | undefined): Pick<InterfaceAddress, 'preferredS' | 'validS'> {
  if (bytes === undefined) return { preferredS: Infinity, validS: Infinity };
  const view = structView(bytes, 8, 'times of an address');
  const seconds = (at: number): number => {
    const value = view.getUint32(at, true);
    return value === FOREVER ? Infinity : value;
  };
  return { preferredS: seconds(0), validS: seconds(4) };
}

/** Adds an address, usable at once; EEXIST when it is there already. */
export function addAddress(socket: RouteSocket, spec: AddressSpec): void {
  const what = `add address ${spec.address}/${spec.prefixLength} to interface ${spec.ifindex}`;
  socket.change(what, RTM_NEWADDR, addressPayload(spec, true), NLM_F_CREATE | NLM_F_EXCL);
}

export function deleteAddress(socket: RouteSocket, spec: AddressSpec): void {
  const what = `delete address ${spec.address}/${spec.prefixLength} of interface ${spec.ifindex}`;
  socket.change(what, RTM_DELADDR, addressPayload(spec, false));
}

function addressPayload(
  { ifindex, address, prefixLength }: AddressSpec,
  noDad: boolean,
): Uint8Array {
  const bytes = parseIp(address);
  const isIpv6 = bytes.length === 16;
  const payload = new PayloadBuilder()
    .struct(IFADDR_BYTES, (view) => {
      view.setUint8(0, isIpv6 ? AF_INET6 : AF_INET);
      view.setUint8(1, prefixLength);
      view.setUint32(4, ifindex, true);
    })
    .bytes(IFA_LOCAL, bytes)
    .bytes(IFA_ADDRESS, bytes);
  if (isIpv6 && noDad) payload.u32(IFA_FLAGS, IFA_F_NODAD);
  return payload.build();
}
