/**
 * Finds out soon when a machine has another MAC address than before. The kernel asks again only for
 * neighbours that its own packets go to; those that programs send to keep an address for as long as it is
 * thought to be right, half a minute and more.
 *
 * A neighbour of whom nothing was heard for a while is asked at its address, which costs one small frame and
 * holds nothing up. Who does not answer by the next look has moved or died: then everybody on the link is
 * asked.
 *
 * Source: states of neighbours as net/core/neighbour.c of Linux changes them.
 *
 * @module
 */
import {
  type Neighbour,
  NEIGHBOUR_STATES,
  probeNeighbour,
  resolveNeighbour,
  type RouteSocket,
  SyscallError,
} from '@balancer/ebpf';

/** How long nothing may be heard of the next hop of a server; health checks by TCP are heard of, too. */
const SERVER_MS = 1500;
/** The same for all others: routers of clients, and clients on the link. */
const OTHER_MS = 10_000;
/** Neighbours that are asked at a look; with more the longest unheard of come first. */
const PROBES_MAX = 256;

const { permanent, noarp, incomplete, failed, probe } = NEIGHBOUR_STATES;
/** States in which there is nothing to ask: fixed, or asked already. */
const LEFT_ALONE = permanent | noarp | incomplete | failed | probe;

export class NeighbourProbes {
  /** Those that were asked at the last look. */
  #asked: ReadonlySet<string> = new Set();

  /**
   * Looks once at what the kernel knows. To be called about once a second.
   *
   * @param interfaces - Whose neighbours packets are sent to.
   */
  look(
    socket: RouteSocket,
    neighbours: readonly Neighbour[],
    interfaces: ReadonlySet<number>,
  ): void {
    for (const neighbour of neighbours) {
      const isSilent = (neighbour.state & probe) !== 0 && this.#asked.has(keyOf(neighbour));
      if (neighbour.managed && isSilent) tell(() => resolveNeighbour(socket, neighbour));
    }
    const asked = unheardOf(neighbours, interfaces).slice(0, PROBES_MAX);
    for (const neighbour of asked) tell(() => probeNeighbour(socket, neighbour));
    this.#asked = new Set(asked.map(keyOf));
  }
}

/** Those to ask, the longest unheard of first. */
export function unheardOf(
  neighbours: readonly Neighbour[],
  interfaces: ReadonlySet<number>,
): Neighbour[] {
  return neighbours
    .filter(({ managed, ifindex, state, mac, unconfirmedMs }) => {
      if (state === 0 || (state & LEFT_ALONE) !== 0 || mac === undefined) return false;
      return managed
        ? unconfirmedMs > SERVER_MS
        : interfaces.has(ifindex) && unconfirmedMs > OTHER_MS;
    })
    .toSorted((a, b) => b.unconfirmedMs - a.unconfirmedMs);
}

function keyOf({ ifindex, address }: Neighbour): string {
  return `${ifindex} ${address}`;
}

/** The kernel may have forgotten the neighbour, or its interface, in the meantime. */
function tell(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}
