/**
 * What operators do with recordings.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';
import type { MetadataChange } from '../store/recordings.ts';
import type { Recording, RecordingRow } from '../store/recording-rows.ts';
import { OperationError } from './servers.ts';
import { findTenant } from './tenants.ts';

/** A recording as tables, pages and programs show it. */
export interface RecordingView {
  readonly record_id: string;
  readonly meeting_id: string;
  readonly name: string;
  readonly state: string;
  readonly published: boolean;
  readonly protected: boolean;
  /** Empty: no tenant's. */
  readonly tenant_id: string;
  readonly started_at: string;
  readonly ended_at: string;
  readonly participants: number;
  readonly size_bytes: number | null;
  readonly formats: readonly { readonly type: string; readonly length_minutes: number }[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** A page of recordings and how many there are in all. */
export interface RecordingList {
  readonly total: number;
  readonly recordings: readonly RecordingView[];
}

/** Which recordings to show, newest first. */
export interface RecordingSearch {
  /** Part of a name, a record id or a meeting id. */
  readonly text?: string | undefined;
  readonly state?: string | undefined;
  /** Name or id of a tenant. */
  readonly tenant?: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

export async function listRecordings(
  context: GatewayContext,
  { text, state, tenant, limit, offset }: RecordingSearch,
): Promise<RecordingList> {
  const filter = {
    ...(text !== undefined && { text }),
    ...(state !== undefined && { states: [state] }),
    ...(tenant !== undefined && { tenantId: (await findTenant(context, tenant)).id }),
  };
  const { recordings } = context.store;
  const [total, found] = await Promise.all([
    recordings.count(filter),
    recordings.list(filter, { limit, offset }),
  ]);
  return { total, recordings: found.map(viewOfRecording) };
}

/**
 * Publishes or unpublishes recordings, one after the other.
 *
 * @throws {OperationError} if one is unknown or deleted (nothing is changed then), or has no files.
 */
export async function publishRecordings(
  context: GatewayContext,
  { ids, isPublished }: { readonly ids: readonly string[]; readonly isPublished: boolean },
): Promise<void> {
  await findAll(context, ids);
  for (const id of ids) {
    const outcome = await context.recordings.setPublished(id, isPublished);
    if (outcome === 'missing') throw new OperationError('taken', `recording ${id}: has no files`);
    if (outcome === 'gone') throw new OperationError('unknown', `recording ${id}: is deleted`);
  }
}

/**
 * Changes metadata and protection of recordings, all of them or none.
 *
 * @throws {OperationError} if one is unknown or deleted.
 */
export async function updateRecordings(
  context: GatewayContext,
  { ids, metadata, isProtected }: UpdateInput,
): Promise<void> {
  const rows = await findAll(context, ids);
  const change: MetadataChange = new Map(Object.entries(metadata ?? {}));
  const isUpdated = await context.store.recordings.update(rows, {
    metadata: change,
    ...(isProtected !== undefined && { isProtected }),
  });
  if (!isUpdated) throw new OperationError('unknown', 'one of them was deleted meanwhile');
}

interface UpdateInput {
  readonly ids: readonly string[];
  /** Null deletes a key. */
  readonly metadata?: Readonly<Record<string, string | null>> | undefined;
  readonly isProtected?: boolean | undefined;
}

/** Deletes recordings with their files. @throws {OperationError} if one is unknown. */
export async function deleteRecordings(
  context: GatewayContext,
  ids: readonly string[],
): Promise<void> {
  const known = new Set((await context.store.recordings.rows(ids)).map((row) => row.recordId));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined) throw unknownRecording(unknown);
  for (const id of ids) await context.recordings.delete(id);
}

/** Gives recordings without a tenant to one. @throws {OperationError} if there is no such tenant. */
export async function addRecordingsToTenant(
  context: GatewayContext,
  tenant: string,
): Promise<{ readonly count: number }> {
  const { id } = await findTenant(context, tenant);
  return { count: await context.store.recordings.addToTenant(id) };
}

/** What is shown of a recording. */
function viewOfRecording(recording: Recording): RecordingView {
  return {
    record_id: recording.recordId,
    meeting_id: recording.meetingId,
    name: recording.name,
    state: recording.state,
    published: recording.isPublished,
    protected: recording.isProtected,
    tenant_id: recording.tenantId,
    started_at: new Date(recording.startMs).toISOString(),
    ended_at: new Date(recording.endMs).toISOString(),
    participants: recording.participants,
    size_bytes: recording.sizeBytes,
    formats: recording.formats.map(({ type, lengthMinutes }) => ({
      type,
      length_minutes: lengthMinutes,
    })),
    metadata: Object.fromEntries(recording.metadata),
  };
}

async function findAll(context: GatewayContext, ids: readonly string[]): Promise<RecordingRow[]> {
  const rows = await context.store.recordings.rows(ids);
  const alive = new Set(rows.filter(({ state }) => state !== 'deleted').map((row) => row.recordId));
  const unknown = ids.find((id) => !alive.has(id));
  if (unknown !== undefined) throw unknownRecording(unknown);
  return rows;
}

function unknownRecording(id: string): OperationError {
  return new OperationError('unknown', `there is no recording ${id}`);
}
