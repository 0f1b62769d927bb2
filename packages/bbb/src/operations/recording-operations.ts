/**
 * Operations about recordings, by name.
 *
 * @module
 */
import { z } from '@balancer/kit';
import { fixTrees, prune, reindex } from '../recordings/maintenance.ts';
import { listDeliveries, listImports, retryDelivery, retryImport } from './imports.ts';
import { operation, type Operation } from './operation.ts';
import { OperationError } from './servers.ts';
import {
  addRecordingsToTenant,
  deleteRecordings,
  listRecordings,
  publishRecordings,
  updateRecordings,
} from './recordings.ts';

const ids = z.array(z.string()).min(1);
const state = z.enum(['processing', 'processed', 'published', 'unpublished', 'deleted']);
const LIST_MAX = 1000;

export const RECORDING_OPERATIONS: Readonly<Record<string, Operation>> = {
  'recordings.list': operation(
    z.strictObject({
      text: z.string().optional(),
      state: state.optional(),
      tenant: z.string().optional(),
      limit: z.int().min(1).max(LIST_MAX).default(100),
      offset: z.int().min(0).default(0),
    }),
    ({ context }, search) => listRecordings(context, search),
  ),
  'recordings.publish': operation(
    z.strictObject({ ids, isPublished: z.boolean() }),
    ({ context }, input) => publishRecordings(context, input),
  ),
  'recordings.update': operation(
    z.strictObject({
      ids,
      metadata: z.record(z.string(), z.string().nullable()).optional(),
      isProtected: z.boolean().optional(),
    }),
    ({ context }, input) => updateRecordings(context, input),
  ),
  'recordings.delete': operation(z.strictObject({ ids }), ({ context }, input) =>
    deleteRecordings(context, input.ids),
  ),
  'recordings.fix': operation(z.strictObject({}), ({ context }) => fixTrees(context)),
  'recordings.reindex': operation(z.strictObject({}), ({ context }) => reindex(context)),
  'recordings.add-to-tenant': operation(
    z.strictObject({ tenant: z.string() }),
    ({ context }, { tenant }) => addRecordingsToTenant(context, tenant),
  ),
  'recordings.prune': operation(
    z.strictObject({
      olderThanDays: z.number().min(0),
      state: state.optional(),
      isDryRun: z.boolean().default(false),
    }),
    ({ context }, { state: named, ...rules }) =>
      prune(context, { ...rules, ...(named !== undefined && { state: named }) }),
  ),
  'recordings.import': operation(z.strictObject({}), async ({ importer }) => {
    const summary = await importer.round();
    if (summary !== null) return summary;
    throw new OperationError('taken', 'another process imports just now, or recordings are off');
  }),
  'imports.list': operation(z.strictObject({}), ({ context, importer }) =>
    listImports(context, importer.current),
  ),
  'imports.retry': operation(z.strictObject({ file: z.string() }), ({ context }, { file }) =>
    retryImport(context, file),
  ),
  'deliveries.list': operation(
    z.strictObject({
      state: z.enum(['pending', 'delivered', 'gone', 'failed']).optional(),
      limit: z.int().min(1).max(LIST_MAX).default(100),
    }),
    ({ context }, { state: named, limit }) => listDeliveries(context, { state: named, limit }),
  ),
  'deliveries.retry': operation(z.strictObject({ id: z.string() }), ({ context }, { id }) =>
    retryDelivery(context, id),
  ),
};
