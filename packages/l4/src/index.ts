export { familyOf, fromMapAddress, NO_ADDRESS, toMapAddress } from './address.ts';
export type { MapAddress } from './address.ts';
export { addressFilter } from './address-filter.ts';
export {
  BACKEND_FLAGS,
  CONFIG_FLAGS,
  DEFAULT_TIMEOUTS,
  DROP_REASONS,
  EVENT_TYPES,
  FLOW_FLAGS,
  HASH_MODES,
  META,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
  SYN_PROXIES,
  TUNNELS,
} from './constants.ts';
export { readEvent } from './events.ts';
export type { DataPlaneEvent, DropEvent, NeighbourEvent } from './events.ts';
export { collectGarbage } from './garbage-collection.ts';
export type { GarbageCollection } from './garbage-collection.ts';
export { hashFlow, murmur3 } from './hash.ts';
export type { FlowTuple } from './hash.ts';
export { l4Routes } from './admin.ts';
export { DpipUsageError } from './dpip/call.ts';
export { type DpipOptions, runDpip } from './dpip/run.ts';
export { attachDecapsulation, detachDecapsulation } from './decapsulation.ts';
export { Engine } from './engine.ts';
export type { EngineOptions, OpenReport } from './engine.ts';
export type { BackendSpec, DesiredPlane, PlaneSettings, ServiceSpec } from './desired.ts';
export { PlaneError } from './errors.ts';
export { l4Operations } from './operations.ts';
export type { FlowView } from './flows.ts';
export { checkHostFor } from './check-config.ts';
export type { Finding } from './finding.ts';
export type { IpvsAnswer, IpvsCommand } from './ipvs/commands.ts';
export { IpvsUsageError } from './ipvs/options.ts';
export { importKeepalived, type ImportedKeepalived } from './keepalived/import.ts';
export { type ConfigText, KeepalivedSyntaxError } from './keepalived/syntax.ts';
export { parseIpvs } from './ipvs/parse.ts';
export { parseRules } from './ipvs/rules-file.ts';
export { type Announcement, type Role, ROLES } from './presence.ts';
export type { PlaneDigest } from './digest.ts';
export { registerL4Metrics } from './metrics.ts';
export { L4Plane } from './plane.ts';
export type { PlaneDocument } from './status.ts';
export { stepAside } from './step-aside.ts';
export { unload } from './unload.ts';
