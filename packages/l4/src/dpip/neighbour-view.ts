/**
 * `dpip neigh show`: next hops with their MAC addresses.
 *
 * @module
 */
import { listNeighbours, NEIGHBOUR_STATES } from '@balancer/ebpf';
import { type DpipView, isShown, shownLinks, viewOf, type ViewSource } from './view.ts';

export interface NeighbourRow {
  readonly ip: string;
  readonly mac: string;
  readonly state: string;
  readonly dev: string;
  /** The plane has the kernel keep it resolved. */
  readonly managed: boolean;
  /** The kernel has one table for all CPUs. */
  readonly core: 0;
}

/** Multicast, broadcast and loopback, which need no resolving, are left out as `ip neighbour` does. */
export function neighbourView(source: ViewSource): DpipView {
  const { socket, family } = source;
  const names = new Map(shownLinks(source).map(({ ifindex, name }) => [ifindex, name]));
  const rows = listNeighbours(socket)
    .filter(({ ifindex, address }) => names.has(ifindex) && isShown(address, family))
    .filter(({ state }) => state !== 0 && (state & NEIGHBOUR_STATES.noarp) === 0)
    .map(({ ifindex, address, mac, state, managed }): NeighbourRow => ({
      ip: address,
      mac: mac ?? '00:00:00:00:00:00',
      state: stateName(state),
      dev: names.get(ifindex)!,
      managed,
      core: 0,
    }));
  return viewOf(rows, ({ ip, mac, state, dev, managed, core }) => [
    `ip: ${ip} mac: ${mac} state: ${state} dev: ${dev} core: ${core}${managed ? ' managed' : ''}`,
  ]);
}

function stateName(state: number): string {
  const names = Object.entries(NEIGHBOUR_STATES).filter(([, bit]) => (state & bit) !== 0);
  return names.map(([name]) => name.toUpperCase()).join(',');
}
