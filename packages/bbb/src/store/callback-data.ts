/**
 * Addresses that a `create` asked to be called back at, by meeting. The table and the form of its
 * text are Scalelite's: flat YAML with symbol keys. A double-quoted JSON string is one in YAML too.
 *
 * @module
 */
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import { momentOf } from './recording-rows.ts';
import type { Database, Tables } from './schema.ts';

/** What is remembered of one create. */
export interface CallbackAddresses {
  readonly analyticsCallbackUrl?: string;
  readonly recordingReadyUrl?: string;
}

/** Of a meeting of which only the tenant is remembered. */
const NO_ADDRESSES = '--- {}\n';

export class CallbackStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Remembers addresses for a meeting in place of older ones. Does nothing if there are none. */
  async remember(
    { meetingId, tenantId, idHash }: RememberedMeeting,
    addresses: CallbackAddresses,
    nowMs: number,
  ): Promise<void> {
    const text = formatAddresses(addresses);
    if (text === null) return;
    const now = momentOf(nowMs);
    await this.#db.transaction().execute(async (db) => {
      await db
        .deleteFrom('callback_data')
        .where('meeting_id', '=', meetingId)
        .where('recording_id', 'is', null)
        .where((where) => ofTenant(where, tenantId))
        .execute();
      await db
        .insertInto('callback_data')
        .values({
          meeting_id: meetingId,
          recording_id: null,
          tenant_id: tenantId,
          id_hash: idHash ?? null,
          callback_attributes: text,
          created_at: now,
          updated_at: now,
        })
        .execute();
    });
  }

  /** Remembers only whose a meeting is, unless something is remembered of it already. */
  async rememberTenant(
    { meetingId, tenantId, idHash }: RememberedMeeting,
    nowMs: number,
  ): Promise<void> {
    if (idHash !== undefined && (await this.tenantOfHash(idHash)) === tenantId) return;
    const now = momentOf(nowMs);
    await this.#db
      .insertInto('callback_data')
      .values({
        meeting_id: meetingId,
        recording_id: null,
        tenant_id: tenantId,
        id_hash: idHash ?? null,
        callback_attributes: NO_ADDRESSES,
        created_at: now,
        updated_at: now,
      })
      .execute();
  }

  /**
   * Takes over a row of another database, unless the same addresses of the same meeting are here.
   *
   * @param isDryRun - Only tells what would happen.
   */
  async copy(
    from: {
      readonly meetingId: string;
      readonly recordId: string | null;
      readonly attributes: string;
      readonly createdAt: string;
      readonly updatedAt: string;
    },
    isDryRun: boolean,
  ): Promise<'added' | 'unchanged'> {
    const known = await this.#db
      .selectFrom('callback_data')
      .select('id')
      .where('meeting_id', '=', from.meetingId)
      .where('callback_attributes', '=', from.attributes)
      .executeTakeFirst();
    if (known !== undefined) return 'unchanged';
    if (isDryRun) return 'added';
    const recording =
      from.recordId === null
        ? undefined
        : await this.#db
            .selectFrom('recordings')
            .select('id')
            .where('record_id', '=', from.recordId)
            .executeTakeFirst();
    await this.#db
      .insertInto('callback_data')
      .values({
        meeting_id: from.meetingId,
        recording_id: recording?.id ?? null,
        callback_attributes: from.attributes,
        created_at: from.createdAt,
        updated_at: from.updatedAt,
      })
      .execute();
    return 'added';
  }

  /** The addresses of a meeting; of several creates the last one's. */
  async find({ meetingId, tenantId }: CallbackKey): Promise<CallbackAddresses> {
    const row = await this.#db
      .selectFrom('callback_data')
      .select('callback_attributes')
      .where('meeting_id', '=', meetingId)
      // Of two creates at once the one without addresses may have been the last to be remembered.
      .where('callback_attributes', '<>', NO_ADDRESSES)
      .where((where) => ofTenant(where, tenantId))
      .orderBy('id', 'desc')
      .executeTakeFirst();
    return row === undefined ? {} : parseAddresses(row.callback_attributes);
  }

  /** The tenant that last created a meeting with addresses; undefined for none. */
  async tenantOf(meetingId: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('callback_data')
      .select('tenant_id')
      .where('meeting_id', '=', meetingId)
      .orderBy('id', 'desc')
      .executeTakeFirst();
    return row === undefined ? undefined : (row.tenant_id ?? '');
  }

  /** As `tenantOf`, of the meeting of which a server's own id begins with this hash. */
  async tenantOfHash(idHash: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('callback_data')
      .select('tenant_id')
      .where('id_hash', '=', idHash)
      .orderBy('id', 'desc')
      .executeTakeFirst();
    return row === undefined ? undefined : (row.tenant_id ?? '');
  }

  /** Forgets what has not been written since a time. */
  async dropOlderThan(beforeMs: number): Promise<void> {
    await this.#db
      .deleteFrom('callback_data')
      .where('updated_at', '<', momentOf(beforeMs))
      .execute();
  }
}

/** A meeting of a tenant; the empty text is no tenant. */
export interface CallbackKey {
  readonly meetingId: string;
  readonly tenantId: string;
}

/** A meeting, and by what its server's own id of it begins. */
export interface RememberedMeeting extends CallbackKey {
  readonly idHash?: string;
}

/** Rows of Scalelite name no tenant and fit any: there a meeting's id is one over all tenants. */
function ofTenant(
  where: ExpressionBuilder<Tables, 'callback_data'>,
  tenantId: string,
): ExpressionWrapper<Tables, 'callback_data', SqlBool> {
  return where.or([where('tenant_id', 'is', null), where('tenant_id', '=', tenantId)]);
}

const KEYS = {
  analyticsCallbackUrl: 'analytics_callback_url',
  recordingReadyUrl: 'recording_ready_url',
} as const;

function formatAddresses(addresses: CallbackAddresses): string | null {
  const lines = Object.entries(KEYS).flatMap(([name, key]) => {
    const value = addresses[name as keyof typeof KEYS];
    return value === undefined ? [] : [`:${key}: ${JSON.stringify(value)}\n`];
  });
  return lines.length === 0 ? null : `---\n${lines.join('')}`;
}

/**
 * Reads the flat form, with or without the colon of a symbol; lines of another form are ignored. A
 * text with a tag, which would make an object of something, is refused as a whole: nothing is read.
 */
export function parseAddresses(text: string): CallbackAddresses {
  if (/(^---|:)[ \t]+!/m.test(text)) return {};
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^:?"?([a-z_]+)"?:\s+(.+?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, unquote(value));
  }
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([name, key]) => {
      const value = values.get(key);
      return value === undefined || !/^https?:\/\//i.test(value) ? [] : [[name, value]];
    }),
  );
}

function unquote(value: string): string {
  if (value.startsWith('"')) {
    try {
      return String(JSON.parse(value));
    } catch {
      return '';
    }
  }
  const single = /^'(.*)'$/.exec(value)?.[1];
  return single === undefined ? value : single.replaceAll("''", "'");
}
