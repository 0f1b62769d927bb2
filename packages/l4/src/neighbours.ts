/**
 * Keeps the next hops towards the servers resolved: the kernel is asked to manage each of them, so that
 * packets find a MAC address without waiting for one.
 *
 * @module
 */
import {
  deleteNeighbour,
  listNeighbours,
  NEIGHBOUR_STATES,
  RouteSocket,
  routeTo,
  setNeighbour,
  SyscallError,
} from '@balancer/ebpf';

/** A next hop. */
export interface NextHop {
  readonly ifindex: number;
  readonly address: string;
}

/** The next hop towards a server, or why there is none. */
export interface Path {
  readonly server: string;
  readonly hop: NextHop | undefined;
  readonly isGateway: boolean;
  /** Empty when there is a route. */
  readonly problem: string;
}

/** Finds the way to each server. */
export function findPaths(socket: RouteSocket, servers: Iterable<string>): Path[] {
  return [...new Set(servers)].map((server) => {
    try {
      const route = routeTo(socket, server);
      if (route?.ifindex === undefined) return noPath(server, 'no route');
      const address = route.gateway ?? server;
      const isGateway = route.gateway !== undefined;
      return { server, hop: { ifindex: route.ifindex, address }, isGateway, problem: '' };
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return noPath(server, `no route (${error.errnoName})`);
    }
  });
}

export class Neighbours {
  #managed: readonly NextHop[];

  /** @param managed - Those that a former process asked for. */
  constructor(managed: readonly NextHop[] = []) {
    this.#managed = managed;
  }

  /** Next hops that the kernel was asked to keep resolved. */
  get managed(): readonly NextHop[] {
    return this.#managed;
  }

  /**
   * Asks for what is missing and gives up what is not needed. Entries that somebody set for good stay.
   *
   * @param loopback - Index of `lo`, whose neighbours need no address.
   */
  follow(servers: Iterable<string>, loopback: number): void {
    const socket = RouteSocket.open();
    try {
      const known = new Map(listNeighbours(socket).map((each) => [keyOf(each), each]));
      const hops = new Map<string, NextHop>();
      for (const { hop } of findPaths(socket, servers)) {
        if (hop && hop.ifindex !== loopback) hops.set(keyOf(hop), hop);
      }
      const managed: NextHop[] = [];
      for (const hop of hops.values()) {
        const entry = known.get(keyOf(hop));
        const isFixed =
          ((entry?.state ?? 0) & (NEIGHBOUR_STATES.permanent | NEIGHBOUR_STATES.noarp)) !== 0;
        if (isFixed) continue;
        if (entry?.managed !== true) setNeighbour(socket, hop);
        managed.push(hop);
      }
      for (const hop of this.#managed) {
        if (!hops.has(keyOf(hop))) forget(socket, hop);
      }
      this.#managed = managed;
    } finally {
      socket.close();
    }
  }

  /** Gives all of them up. */
  clear(): void {
    const socket = RouteSocket.open();
    try {
      for (const hop of this.#managed) forget(socket, hop);
    } finally {
      socket.close();
    }
    this.#managed = [];
  }
}

function keyOf({ ifindex, address }: NextHop): string {
  return `${ifindex} ${address}`;
}

function forget(socket: RouteSocket, hop: NextHop): void {
  try {
    deleteNeighbour(socket, hop);
  } catch (error) {
    // The interface or the entry may be gone.
    if (!(error instanceof SyscallError)) throw error;
  }
}

function noPath(server: string, problem: string): Path {
  return { server, hop: undefined, isGateway: false, problem };
}
