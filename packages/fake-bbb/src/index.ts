/**
 * A BigBlueButton server for tests: its API, its meetings, and every way it can fail.
 *
 * @module
 */
export {
  type Archive,
  type ArchiveDefect,
  type ArchiveFormat,
  type ArchiveOptions,
  buildArchive,
  tarOf,
  type TarEntry,
} from './archive.ts';
export { type ChecksumAlgorithm, checksumOf, signedQuery } from './checksum.ts';
export { type FailureMode } from './failure.ts';
export { type Counts, type FakeMeeting } from './meeting.ts';
export { FakeBbb, type FakeBbbOptions, type LoggedRequest } from './server.ts';
