/**
 * A socket to the kernel's routing subsystem (rtnetlink), which also answers for links, neighbours and
 * traffic control.
 *
 * @module
 */
import { NetlinkSocket } from './netlink-socket.ts';

const NETLINK_ROUTE = 0;

/** Multicast groups of rtnetlink. */
export const ROUTE_GROUPS = {
  link: 1,
  neighbour: 3,
  tc: 4,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv6Address: 9,
  ipv6Route: 11,
} as const;

export type RouteGroup = keyof typeof ROUTE_GROUPS;

export class RouteSocket extends NetlinkSocket {
  /**
   * Opens a socket in the network namespace of the calling thread.
   *
   * @param groups - Changes to be told about; read them with `receiveChanges`.
   */
  static open(groups: readonly RouteGroup[] = []): RouteSocket {
    return new RouteSocket(
      NETLINK_ROUTE,
      groups.map((group) => ROUTE_GROUPS[group]),
    );
  }
}
