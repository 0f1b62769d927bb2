export {
  addAddress,
  deleteAddress,
  listAddresses,
  readAddress,
  RTM_DELADDR,
  RTM_NEWADDR,
} from './addresses.ts';
export type { AddressSpec, InterfaceAddress } from './addresses.ts';
export {
  changeLink,
  createLink,
  createVeth,
  deleteLink,
  findLink,
  listLinks,
  readLink,
  RTM_DELLINK,
  RTM_NEWLINK,
} from './links.ts';
export type { LinkChange, LinkDescription } from './links.ts';
export { listLinkDetails, readLinkDetails } from './link-details.ts';
export type { LinkDetails, LinkStatistics, TunnelEnds } from './link-details.ts';
export type { NetlinkMessage } from './message.ts';
export { listMulticast } from './multicast.ts';
export type { MulticastAddress } from './multicast.ts';
export {
  deleteNeighbour,
  listNeighbours,
  NEIGHBOUR_STATES,
  probeNeighbour,
  readNeighbour,
  resolveNeighbour,
  setNeighbour,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from './neighbours.ts';
export type { Neighbour, NeighbourSpec } from './neighbours.ts';
export { listClasses, listFilters, listQueueing } from './queueing.ts';
export type { Queueing, QueueStatistics, TrafficFilter } from './queueing.ts';
export { ROUTE_GROUPS, RouteSocket } from './route-socket.ts';
export type { RouteGroup } from './route-socket.ts';
export {
  addRoute,
  deleteRoute,
  listRoutes,
  readRoute,
  routeTo,
  RTM_DELROUTE,
  RTM_NEWROUTE,
} from './routes.ts';
export type { NextHop, Route, RouteSpec } from './routes.ts';
export {
  addClsact,
  deleteBpfFilter,
  deleteClsact,
  listBpfFilters,
  listQdiscs,
  setBpfFilter,
} from './traffic-control.ts';
export type { BpfFilter, FilterPlace, QueueingDiscipline } from './traffic-control.ts';
export { findXdp } from './xdp-state.ts';
export { readXdpFeatures } from './xdp-features.ts';
export type { XdpFeature } from './xdp-features.ts';
