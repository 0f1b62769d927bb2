/**
 * The embedded database: SQLite through libsql, one file in the data directory.
 *
 * A commit is on disk before it is acknowledged (write-ahead log, `synchronous = FULL`), so it
 * survives `kill -9` and a power cut. The process holds SQLite's own lock of the file for as long as
 * it lives (`locking_mode = EXCLUSIVE`): the operating system drops it with the process, however that
 * ends.
 *
 * @module
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoName, messageOf } from '@balancer/kit';
import { Kysely, sql, SqliteDialect } from 'kysely';
import type SqliteDatabase from 'libsql';
import { DataLockedError, StorageError } from './errors.ts';
import type { Database, Tables } from './schema.ts';

/** Name of the database in the data directory. */
export const DATABASE_FILE = 'gateway.db';

/**
 * Opens the database of a data directory and locks it; makes the directory if it is missing.
 *
 * @throws {DataLockedError} if another process has it.
 * @throws {StorageError} if it cannot be opened.
 */
export async function openSqlite(directory: string): Promise<Database> {
  const { default: Sqlite } = await import('libsql');
  const file = join(directory, DATABASE_FILE);
  let database: SqliteDatabase.Database | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    database = new Sqlite(file);
    // Secrets are in it; SQLite gives its log the permissions of the database.
    chmodSync(file, 0o600);
    lock(database);
  } catch (error) {
    database?.close();
    if (errnoName(error)?.startsWith('SQLITE_BUSY')) {
      throw new DataLockedError(directory, { cause: error });
    }
    throw new StorageError(`cannot open ${file}: ${errnoName(error) ?? messageOf(error)}`, {
      cause: error,
    });
  }
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: asKyselys(database) }) });
}

/**
 * Gives the lock back while the process lives on: closing alone keeps it until the collector has
 * found every prepared statement.
 */
export async function unlockSqlite(db: Database): Promise<void> {
  for (const pragma of ['journal_mode = DELETE', 'locking_mode = NORMAL', 'user_version']) {
    await sql`${sql.raw(`PRAGMA ${pragma}`)}`.execute(db);
  }
}

function lock(database: SqliteDatabase.Database): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  // The lock is taken by the first write, not by the setting.
  database.exec('BEGIN EXCLUSIVE');
  database.exec('COMMIT');
}

type KyselySqlite = Awaited<
  ReturnType<Extract<ConstructorParameters<typeof SqliteDialect>[0]['database'], () => unknown>>
>;

/** libsql has the methods that kysely calls; only its type of row ids is wider. */
function asKyselys(database: SqliteDatabase.Database): KyselySqlite {
  return database;
}
