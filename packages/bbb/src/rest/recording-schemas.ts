/**
 * Recordings, archives and calls as the REST API is given them and answers them; see `schemas.ts`.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { DeliveryView, ImportList } from '../operations/imports.ts';
import type { RecordingList } from '../operations/recordings.ts';
import type { MaintenanceReport } from '../recordings/maintenance.ts';
import type { ImportSummary } from '../recordings/importer.ts';
import { time } from './time-schema.ts';

/** Texts, as they stand in an address. */
export interface RecordingQuery {
  readonly text?: string | undefined;
  readonly state?: string | undefined;
  readonly tenant?: string | undefined;
  readonly limit?: string | undefined;
  readonly offset?: string | undefined;
}

export interface RecordingChangeBody {
  readonly published?: boolean | undefined;
  readonly protected?: boolean | undefined;
  readonly metadata?: Readonly<Record<string, string | null>> | undefined;
}

export const recordingState: z.ZodType<string> = z.enum([
  'processing',
  'processed',
  'published',
  'unpublished',
  'deleted',
]);

const recording = z
  .strictObject({
    record_id: z.string(),
    meeting_id: z.string(),
    name: z.string(),
    state: z.string(),
    published: z.boolean(),
    protected: z.boolean(),
    tenant_id: z.string().describe('empty: no tenant'),
    started_at: time,
    ended_at: time,
    participants: z.number().int(),
    size_bytes: z.number().nullable().describe('null: not known'),
    formats: z.array(z.strictObject({ type: z.string(), length_minutes: z.number() })),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Recording' });

export const recordingList: z.ZodType<RecordingList> = z
  .strictObject({ total: z.number().int(), recordings: z.array(recording) })
  .meta({ id: 'RecordingList' });

/** Text of a query as a whole number. */
const digits = z.string().regex(/^\d{1,9}$/, 'must be digits');

export const recordingQuery: z.ZodType<RecordingQuery> = z.strictObject({
  text: z.string().optional().describe('part of a name, a record id or a meeting id'),
  state: recordingState.optional(),
  tenant: z.string().optional().describe('name or id'),
  limit: digits.optional().describe('at most 1000; default 100'),
  offset: digits.optional(),
});

export const recordingChange: z.ZodType<RecordingChangeBody> = z
  .strictObject({
    published: z.boolean(),
    protected: z.boolean(),
    metadata: z.record(z.string(), z.string().nullable()).describe('null removes a key'),
  })
  .partial()
  .meta({ id: 'RecordingChange' });

export const importList: z.ZodType<ImportList> = z
  .strictObject({
    current: z.string().nullable().describe('the archive at hand in this process'),
    waiting: z.array(
      z.strictObject({ file: z.string(), size_bytes: z.number(), modified_at: time }),
    ),
    failed: z.array(
      z.strictObject({
        file: z.string(),
        size_bytes: z.number(),
        failed_at: time,
        reason: z.string(),
      }),
    ),
  })
  .meta({ id: 'ImportList' });

export const delivery: z.ZodType<DeliveryView> = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    host: z.string(),
    state: z.string(),
    attempts: z.number().int(),
    created_at: time,
    next_at: time.describe('next try, or when it ended'),
    last_error: z.string(),
  })
  .meta({ id: 'Delivery' });

export interface PruneBody {
  readonly older_than_days: number;
  readonly state?: string | undefined;
  readonly dry_run: boolean;
}

export const pruneInput: z.ZodType<PruneBody> = z
  .strictObject({
    older_than_days: z.number().min(0).describe('since their meetings began'),
    state: recordingState.optional().describe('default: all that are not deleted'),
    dry_run: z.boolean().default(false).describe('only tells what it would delete'),
  })
  .meta({ id: 'Prune' });

export const maintenanceReport: z.ZodType<MaintenanceReport> = z
  .strictObject({
    changed: z.array(z.string()).describe('ids of recordings that were changed, or would be'),
    failed: z.array(z.strictObject({ recordId: z.string(), reason: z.string() })),
  })
  .meta({ id: 'MaintenanceReport' });

export const importSummary: z.ZodType<ImportSummary> = z
  .strictObject({
    archives: z.array(
      z.strictObject({
        file: z.string(),
        outcome: z.enum(['imported', 'refused', 'left']),
        detail: z.string().describe('why, if it was not imported; else the id of the recording'),
      }),
    ),
    unsettledCount: z.number().int().describe('archives that may still grow'),
  })
  .meta({ id: 'ImportSummary' });
