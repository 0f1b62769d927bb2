export { familyOf, fromMapAddress, NO_ADDRESS, toMapAddress } from './address.ts';
export type { MapAddress } from './address.ts';
export { addressFilter } from './address-filter.ts';
export {
  BACKEND_FLAGS,
  CONFIG_FLAGS,
  DEFAULT_TIMEOUTS,
  DROP_REASONS,
  EVENT_TYPES,
  HASH_MODES,
  META,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
} from './constants.ts';
export { readEvent } from './events.ts';
export type { DataPlaneEvent, DropEvent, NeighbourEvent } from './events.ts';
export { collectGarbage } from './garbage-collection.ts';
export type { GarbageCollection } from './garbage-collection.ts';
export { hashFlow, murmur3 } from './hash.ts';
export type { FlowTuple } from './hash.ts';
