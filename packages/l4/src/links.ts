/**
 * Interfaces of this host by their names.
 *
 * @module
 */
import { findLink, type LinkDescription, listLinks, RouteSocket } from '@balancer/ebpf';
import { PlaneError } from './errors.ts';

/**
 * The interfaces of these names, in their order.
 *
 * @throws {PlaneError} naming those that do not exist.
 */
export function findInterfaces(names: readonly string[]): LinkDescription[] {
  const socket = RouteSocket.open();
  try {
    const links = listLinks(socket);
    return names.map((name) => {
      const link = links.find((each) => each.name === name);
      if (link) return link;
      const known = links.map((each) => each.name).join(', ');
      throw new PlaneError(`l4.interfaces: there is no interface "${name}"; there are ${known}`);
    });
  } finally {
    socket.close();
  }
}

/** Those of the interfaces that are there. */
export function linksNamed(names: readonly string[]): LinkDescription[] {
  const socket = RouteSocket.open();
  try {
    return names.flatMap((name) => findLink(socket, name) ?? []);
  } finally {
    socket.close();
  }
}

export function loopbackIndex(): number {
  return linksNamed(['lo'])[0]?.ifindex ?? 0;
}
