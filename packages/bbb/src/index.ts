/**
 * The BigBlueButton gateway: many servers behind one address.
 *
 * @module
 */
export {
  defaultBbbConfig,
  EnvironmentError,
  loadBbbConfig,
  type LoadedBbbConfig,
  parseBbbConfig,
} from './config/load.ts';
export { type BbbConfig, type ChecksumAlgorithm } from './config/keys.ts';
export { ADMIN_SOCKET, Gateway, type GatewayOptions, type GatewayPorts } from './gateway.ts';
export { type MeetingView, type ServerView } from './operations/meetings.ts';
export { type DeliveryView, type ImportList } from './operations/imports.ts';
export { type ImportSummary } from './recordings/importer.ts';
export { type RecordingList, type RecordingView } from './operations/recordings.ts';
export { runOperation } from './operations/registry.ts';
export { OperationError, type PanicReport } from './operations/servers.ts';
export { type TenantView } from './operations/tenants.ts';
export { type RoundSummary } from './poll/poller.ts';
export { type MaintenanceReport } from './recordings/maintenance.ts';
export { DataLockedError, SchemaTooNewError, StorageError } from './store/errors.ts';
