/**
 * Tells the neighbours of addresses that have come to this host: at once, and twice more, because
 * nobody acknowledges it.
 *
 * @module
 */
import { gratuitousFrame, PacketSocket, SyscallError } from '@balancer/ebpf';
import type { LinkDescription } from '@balancer/ebpf';

/** How often an address is announced; once a second. */
const TIMES = 3;

export class Gratuitous {
  /** Addresses, with how often they are still to be announced. */
  readonly #left = new Map<string, number>();

  /** These have just come; what is not among `present` is not announced any more. */
  came(addresses: Iterable<string>, present: ReadonlySet<string>): void {
    for (const address of addresses) this.#left.set(address, TIMES);
    for (const address of this.#left.keys()) if (!present.has(address)) this.#left.delete(address);
  }

  /** Announces what is due, on every interface that is up. Call it once a second. */
  announce(links: readonly LinkDescription[]): void {
    if (this.#left.size === 0) return;
    const socket = PacketSocket.open();
    try {
      for (const [address, left] of this.#left) {
        for (const link of links) if (link.up && link.mac) send(socket, link, address);
        if (left > 1) this.#left.set(address, left - 1);
        else this.#left.delete(address);
      }
    } finally {
      socket.close();
    }
  }
}

function send(socket: PacketSocket, { ifindex, mac }: LinkDescription, address: string): void {
  try {
    socket.send(ifindex, gratuitousFrame(address, mac!));
  } catch (error) {
    // An interface may go down or away at any time; the others still have neighbours.
    if (!(error instanceof SyscallError)) throw error;
  }
}
