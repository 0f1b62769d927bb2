/**
 * The BigBlueButton gateway: many servers behind one address.
 *
 * @module
 */
export {
  defaultBbbConfig,
  describeBbbConfig,
  EnvironmentError,
  formatBbbConfig,
  loadBbbConfig,
  type LoadedBbbConfig,
  parseBbbConfig,
} from './config/load.ts';
export { type BbbConfig, type ChecksumAlgorithm } from './config/keys.ts';
export { ADMIN_SOCKET, Gateway, type GatewayOptions, type GatewayPorts } from './gateway.ts';
export { MIGRATION_PARTS, type MigrationPart, type MigrationReport } from './migration/migrate.ts';
export { type MeetingView, type ServerView } from './operations/meetings.ts';
export { type DeliveryView, type ImportList } from './operations/imports.ts';
export { type ImportSummary } from './recordings/importer.ts';
export { type RecordingList, type RecordingView } from './operations/recordings.ts';
export { runOperation } from './operations/registry.ts';
export { readServerList, readYaml } from './operations/server-files.ts';
export { OperationError, type PanicReport } from './operations/servers.ts';
export { type SyncMode, type SyncStep } from './operations/sync.ts';
export { type TokenView } from './operations/tokens.ts';
export { type TenantView } from './operations/tenants.ts';
export { POLL_PARTS, type PollPart, type RoundSummary } from './poll/poller.ts';
export { type GatewayStatus, type PollReport, type TenantChangeBody } from './rest/schemas.ts';
export { type ServerChangeBody } from './rest/server-schemas.ts';
export { type ServerState } from './store/servers.ts';
export { type MaintenanceReport } from './recordings/maintenance.ts';
export { DataLockedError, SchemaTooNewError, StorageError } from './store/errors.ts';
