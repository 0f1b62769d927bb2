export { familyOf, fromMapAddress, NO_ADDRESS, toMapAddress } from './address.ts';
export type { MapAddress } from './address.ts';
export {
  BACKEND_FLAGS,
  DEFAULT_TIMEOUTS,
  DROP_REASONS,
  HASH_MODES,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
} from './constants.ts';
export { collectGarbage } from './garbage-collection.ts';
export type { GarbageCollection } from './garbage-collection.ts';
export { hashFlow, murmur3 } from './hash.ts';
export type { FlowTuple } from './hash.ts';
