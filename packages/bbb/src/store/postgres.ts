/**
 * PostgreSQL (13 or newer) for gateways of several processes.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import { Kysely, PostgresDialect } from 'kysely';
import { StorageError } from './errors.ts';
import type { Database, Tables } from './schema.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** Connections at most. Default 10. */
  readonly connectionsMax?: number;
  /**
   * A query that takes longer is an outage, not work: requests must not pile up behind it. A connection
   * is waited for a third of the time. Default 15 000.
   */
  readonly timeoutMs?: number;
  /** Told of connections that broke while idle; the pool replaces them. */
  readonly onIdleError?: (error: Error) => void;
}

const TIMEOUT_MS = 15_000;
/** Of the time-out of a query. */
const CONNECT_SHARE = 1 / 3;

type Parser = (text: string) => never;

const INT8 = 20;
const TIMESTAMP = 1114;
const OWN_PARSERS: ReadonlyMap<number, Parser> = new Map([
  // Ours all fit a double; pg would give strings.
  [INT8, ((text) => Number(text)) as Parser],
  // pg would take it for local time; ours and Scalelite's are UTC.
  [TIMESTAMP, ((text) => text) as Parser],
]);

/**
 * Opens a pool and tries one connection.
 *
 * @throws {StorageError} if the database cannot be reached; the message has no password.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { default: pg } = await import('pg');
  const { timeoutMs = TIMEOUT_MS } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax ?? 10,
    connectionTimeoutMillis: timeoutMs * CONNECT_SHARE,
    query_timeout: timeoutMs,
    application_name: 'balancer-bbb',
    types: {
      getTypeParser: (oid, format) =>
        OWN_PARSERS.get(oid) ?? (pg.types.getTypeParser(oid, format) as Parser),
    },
  });
  // Without listeners a restart of the database would end this process: the pool's is for connections
  // that nobody uses, the other for those that are lent and between two queries, whose next one fails.
  pool.on('error', (error) => options.onIdleError?.(error));
  pool.on('connect', (client) => void client.on('error', () => {}));
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw new StorageError(`cannot reach PostgreSQL: ${messageOf(error)}; check database_url`, {
      cause: error,
    });
  }
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}
