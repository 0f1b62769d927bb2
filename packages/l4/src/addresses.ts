/**
 * The addresses of services and the local addresses on this host: put on `lo` when the plane manages
 * them, so that the kernel answers ARP for them and takes what no service claims.
 *
 * @module
 */
import {
  addAddress,
  type AddressSpec,
  changeLink,
  deleteAddress,
  findLink,
  type InterfaceAddress,
  listAddresses,
  RouteSocket,
  SyscallError,
} from '@balancer/ebpf';
import { familyOf } from './address.ts';
import { PlaneError } from './errors.ts';

const LOOPBACK_INDEX = 1;

export class HostAddresses {
  #added: readonly AddressSpec[];

  /** @param added - Those that a former process added. */
  constructor(added: readonly AddressSpec[] = []) {
    this.#added = added;
  }

  /** Addresses that are there because of us. */
  get added(): readonly AddressSpec[] {
    return this.#added;
  }

  /**
   * Refuses local addresses that the host uses itself: replies to its own connections would be taken
   * for those of flows.
   *
   * @throws {PlaneError} naming the address and where it is.
   */
  check(localAddresses: Iterable<string>): void {
    const ours = new Set(this.#added.map(({ address }) => address));
    const present = inSocket(listAddresses);
    for (const address of localAddresses) {
      if (ours.has(address)) continue;
      const holder = present.find((each) => each.address === address && !isHostOnly(each));
      if (!holder) continue;
      throw new PlaneError(
        `local address ${address} is an address of this host (interface ${holder.ifindex}, /${holder.prefixLength}); take one that only the plane uses, or set l4.force = true`,
      );
    }
  }

  /**
   * Adds what is missing, and removes what was added and is not wanted any more.
   *
   * @returns What was missing.
   */
  follow(addresses: Iterable<string>): string[] {
    const wanted = new Set(addresses);
    return inSocket((socket) => {
      const loopback = findLink(socket, 'lo');
      if (loopback && !loopback.up && wanted.size > 0) {
        changeLink(socket, loopback.ifindex, { up: true });
      }
      const present = new Set(listAddresses(socket).map(({ address }) => address));
      const kept = this.#added.filter(({ address }) => wanted.has(address));
      for (const spec of this.#added) if (!wanted.has(spec.address)) remove(socket, spec);
      const fresh = [...wanted]
        .filter((address) => !present.has(address))
        .map((address) => ({
          ifindex: loopback?.ifindex ?? LOOPBACK_INDEX,
          address,
          prefixLength: familyOf(address) === 4 ? 32 : 128,
        }));
      for (const spec of fresh) addAddress(socket, spec);
      this.#added = [...kept, ...fresh];
      return fresh.map(({ address }) => address);
    });
  }
}

/** An address for one host, as those that serve nothing but being answered for. */
function isHostOnly({ address, prefixLength }: InterfaceAddress): boolean {
  return prefixLength === (familyOf(address) === 4 ? 32 : 128);
}

function remove(socket: RouteSocket, spec: AddressSpec): void {
  try {
    deleteAddress(socket, spec);
  } catch (error) {
    // Somebody else may have removed it.
    if (!(error instanceof SyscallError)) throw error;
  }
}

function inSocket<T>(action: (socket: RouteSocket) => T): T {
  const socket = RouteSocket.open();
  try {
    return action(socket);
  } finally {
    socket.close();
  }
}
