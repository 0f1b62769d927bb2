/**
 * Recordings as the gateway sees them, and how they stand in their rows.
 *
 * @module
 */
import type { Selectable } from 'kysely';
import type { RecordingTable } from './schema.ts';

/** One picture of a recording's preview. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  readonly alt: string;
  /** Path and query, or a whole address. */
  readonly url: string;
}

/** One way in which a recording can be played. */
export interface PlaybackFormat {
  /** `presentation`, `video` … */
  readonly type: string;
  /** Path and query. */
  readonly url: string;
  readonly lengthMinutes: number;
  readonly processingTimeMs: number;
  /** Null: not known. */
  readonly sizeBytes: number | null;
  readonly thumbnails: readonly Thumbnail[];
}

/** A recording without what hangs on it. */
export interface RecordingRow {
  readonly id: number;
  readonly recordId: string;
  readonly meetingId: string;
  readonly name: string;
  readonly isPublished: boolean;
  readonly state: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Null: not deleted. */
  readonly deletedMs: number | null;
  readonly participants: number;
  readonly isProtected: boolean;
  readonly isPublishUpdated: boolean;
  readonly isBreakout: boolean;
  readonly rawSizeBytes: number | null;
  readonly sizeBytes: number | null;
  /** Empty: no tenant's. */
  readonly tenantId: string;
}

/** A recording with everything that a list shows. */
export interface Recording extends RecordingRow {
  readonly metadata: ReadonlyMap<string, string>;
  readonly formats: readonly PlaybackFormat[];
}

/** What an archive, a file tree or another database says of one format of a recording. */
export interface RecordingFacts {
  readonly recordId: string;
  readonly meetingId: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly participants: number;
  readonly rawSizeBytes: number | null;
  readonly isBreakout: boolean;
  readonly metadata: ReadonlyMap<string, string>;
  readonly format: PlaybackFormat;
}

/** What becomes of a recording's flags when it is imported. */
export interface ImportRules {
  /** For a recording that nobody published or unpublished by hand. */
  readonly isPublished: boolean;
  readonly isProtected: boolean;
  /** Also for one that somebody did. */
  readonly isForced?: boolean;
}

/** A row as the rest of the gateway sees it. */
export function rowOf(row: Selectable<RecordingTable>): RecordingRow {
  return {
    id: row.id,
    recordId: row.record_id,
    meetingId: row.meeting_id,
    name: row.name ?? '',
    isPublished: isTrue(row.published),
    state: row.state,
    startMs: msOf(row.starttime) ?? 0,
    endMs: msOf(row.endtime) ?? 0,
    deletedMs: msOf(row.deleted_at),
    participants: row.participants ?? 0,
    isProtected: isTrue(row.protected),
    isPublishUpdated: isTrue(row.publish_updated),
    isBreakout: isTrue(row.is_breakout),
    rawSizeBytes: row.raw_size,
    sizeBytes: row.size,
    tenantId: row.tenant_id ?? '',
  };
}

/** Truth of either database. */
export function isTrue(flag: boolean | number | null): boolean {
  return flag === true || flag === 1;
}

/** A moment as both databases take it: UTC, without a zone, ordered like its text. */
export function momentOf(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '');
}

function msOf(moment: string | null): number | null {
  return moment === null ? null : Date.parse(`${moment.replace(' ', 'T')}Z`);
}
