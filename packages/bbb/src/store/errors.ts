/**
 * What can be wrong with the storage as a whole.
 *
 * @module
 */
import { BalancerError, errnoName } from '@balancer/kit';

/** Another process has the data directory. */
export class DataLockedError extends BalancerError {
  override readonly name = 'DataLockedError';
  readonly code = 'DATA_LOCKED';

  constructor(directory: string, options?: ErrorOptions) {
    super(
      `${directory}: another process is using this data directory; stop it, or set data_dir to another one`,
      options,
    );
  }
}

/** The data were written by a newer program. */
export class SchemaTooNewError extends BalancerError {
  override readonly name = 'SchemaTooNewError';
  readonly code = 'SCHEMA_TOO_NEW';

  constructor(found: number, known: number) {
    super(
      `the database has schema version ${found}, this program knows up to ${known}; run the program that wrote it, or a newer one`,
    );
  }
}

/** The storage cannot be opened or reached. */
export class StorageError extends BalancerError {
  override readonly name = 'StorageError';
  readonly code = 'STORAGE';
}

/** Redis does not answer, or answers with an error. */
export class BoardUnavailableError extends BalancerError {
  override readonly name = 'BoardUnavailableError';
  readonly code = 'BOARD_UNAVAILABLE';
}

/** Class 23 of SQLSTATE, and SQLite's extended result codes. */
const UNIQUE_VIOLATIONS = new Set([
  '23505',
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
]);

/** True if a database refused a row because another one has its name. */
export function isUniqueViolation(error: unknown): boolean {
  return UNIQUE_VIOLATIONS.has(errnoName(error) ?? '');
}
