/**
 * Which recordings are meant: the filters of `getRecordings`, as conditions that both databases
 * answer the same way and from an index.
 *
 * @module
 */
import { type Expression, type SelectQueryBuilder, sql, type SqlBool } from 'kysely';
import { momentOf } from './recording-rows.ts';
import type { Database, Dialect, Tables } from './schema.ts';

/** One key of the metadata and the values of which one must match. */
export interface MetadataFilter {
  /** Whatever its case. */
  readonly key: string;
  /** `%` at an end stands for any text there. */
  readonly values: readonly string[];
}

/** What is not given does not matter. */
export interface RecordingFilter {
  /** Exact ids. */
  readonly recordIds?: readonly string[];
  readonly recordIdPrefixes?: readonly string[];
  readonly meetingIds?: readonly string[];
  readonly states?: readonly string[];
  readonly tenantId?: string;
  readonly metadata?: readonly MetadataFilter[];
  /** Of several metadata filters one must match, or every one. Default `any`. */
  readonly metadataMatch?: 'any' | 'all';
  /** Recordings that began before this time. */
  readonly startedBeforeMs?: number;
  /** Part of a name, a record id or a meeting id, whatever its case. */
  readonly text?: string;
}

/** A part of the list. */
export interface RecordingPage {
  readonly limit: number;
  readonly offset: number;
}

/** Comes after every text that begins with the prefix, in the order of bytes. */
const LAST = '\u{10FFFF}';

/** The recordings that fit, with nothing selected yet. */
export function filtered(
  db: Database,
  dialect: Dialect,
  filter: RecordingFilter,
): SelectQueryBuilder<Tables, 'recordings', unknown> {
  let query = db.selectFrom('recordings');
  const { recordIdPrefixes, meetingIds, states, tenantId, metadata = [] } = filter;
  if (recordIdPrefixes !== undefined) {
    // Byte order: an index serves it, and neither `%` nor `_` nor the case of letters means anything.
    const recordId =
      dialect === 'postgres' ? sql<string>`record_id collate "C"` : sql<string>`record_id`;
    query = query.where((where) =>
      where.or(
        recordIdPrefixes
          .filter(isStorable)
          .map(
            (prefix) => sql<SqlBool>`(${recordId} >= ${prefix} and ${recordId} < ${prefix + LAST})`,
          ),
      ),
    );
  }
  if (filter.recordIds !== undefined) {
    query = query.where('record_id', 'in', only(filter.recordIds));
  }
  if (meetingIds !== undefined) query = query.where('meeting_id', 'in', only(meetingIds));
  if (states !== undefined) query = query.where('state', 'in', only(states));
  if (tenantId !== undefined) query = query.where('tenant_id', '=', tenantId);
  if (filter.startedBeforeMs !== undefined) {
    const moment = momentOf(filter.startedBeforeMs);
    query = query.where('starttime', '<', moment);
  }
  if (filter.text !== undefined && isStorable(filter.text)) {
    const text = filter.text.toLowerCase();
    query = query.where((where) =>
      where.or(
        (['name', 'record_id', 'meeting_id'] as const).map((column) =>
          contains(dialect, sql`lower(${sql.ref(column)})`, text),
        ),
      ),
    );
  }
  if (metadata.length > 0) {
    const conditions = metadata.map((one) => hasMetadata(dialect, one));
    query = query.where((where) =>
      filter.metadataMatch === 'all' ? where.and(conditions) : where.or(conditions),
    );
  }
  return query;
}

function hasMetadata(dialect: Dialect, { key, values }: MetadataFilter): Expression<SqlBool> {
  const matches = values.filter(isStorable).map((value) => matchesValue(dialect, value));
  if (matches.length === 0 || !isStorable(key)) return sql<SqlBool>`1 = 0`;
  return sql<SqlBool>`exists (select 1 from metadata where metadata.recording_id = recordings.id
    and lower(metadata.key) = ${key.toLowerCase()} and (${sql.join(matches, sql` or `)}))`;
}

/** `like` would fold case on SQLite and give meaning to signs in the middle. */
function matchesValue(dialect: Dialect, pattern: string): Expression<SqlBool> {
  const isOpenLeft = pattern.startsWith('%');
  const isOpenRight = pattern.length > 1 && pattern.endsWith('%');
  const text = pattern.slice(isOpenLeft ? 1 : 0, isOpenRight ? -1 : undefined);
  const value = sql`metadata.value`;
  if (!isOpenLeft && !isOpenRight) return sql<SqlBool>`${value} = ${text}`;
  if (isOpenLeft && isOpenRight) return contains(dialect, value, text);
  const length = sql`length(cast(${text} as text))`;
  if (isOpenRight) return sql<SqlBool>`substr(${value}, 1, ${length}) = ${text}`;
  return sql<SqlBool>`(length(${value}) >= ${length}
    and substr(${value}, length(${value}) - ${length} + 1) = ${text})`;
}

function contains(dialect: Dialect, value: Expression<unknown>, text: string): Expression<SqlBool> {
  const position = sql.raw(dialect === 'postgres' ? 'strpos' : 'instr');
  return sql<SqlBool>`${position}(${value}, ${text}) > 0`;
}

/** A list that is never empty: SQL has no empty one. No id and no state is the empty text. */
function only(values: readonly string[]): string[] {
  const storable = values.filter(isStorable);
  return storable.length > 0 ? storable : [''];
}

/** PostgreSQL's text cannot hold it, so nothing has it, and asking would be an error. */
export function isStorable(text: string): boolean {
  return !text.includes('\0');
}
