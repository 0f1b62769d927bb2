/**
 * The routes of the REST API about recordings, archives on their way in, and calls on their way out.
 *
 * @module
 */
import { z } from '@balancer/kit';
import { listDeliveries, listImports, retryDelivery, retryImport } from '../operations/imports.ts';
import { OperationError } from '../operations/servers.ts';
import { fixTrees, prune, reindex } from '../recordings/maintenance.ts';
import {
  addRecordingsToTenant,
  deleteRecordings,
  listRecordings,
  publishRecordings,
  updateRecordings,
} from '../operations/recordings.ts';
import { type RestRoute, route } from './route.ts';
import * as schemas from './recording-schemas.ts';

const LIST_DEFAULT = 100;
const LIST_MAX = 1000;

export const RECORDING_ROUTES: readonly RestRoute[] = [
  route('GET /recordings', 'Recordings, newest first', {
    query: schemas.recordingQuery,
    answer: schemas.recordingList,
    run: ({ host, query: { limit, offset, ...search } }) =>
      listRecordings(host.context, {
        ...search,
        limit: Math.min(LIST_MAX, Number(limit ?? LIST_DEFAULT)),
        offset: Number(offset ?? 0),
      }),
  }),
  route('PATCH /recordings/:id', 'Publish, unpublish or protect a recording; change its metadata', {
    body: schemas.recordingChange,
    run: async ({ host, path, body }) => {
      const ids = [path['id']!];
      const { published, protected: isProtected, metadata } = body;
      await updateRecordings(host.context, { ids, metadata, isProtected });
      if (published !== undefined) {
        await publishRecordings(host.context, { ids, isPublished: published });
      }
    },
  }),
  route('DELETE /recordings/:id', 'Delete the files of a recording; its row stays', {
    run: ({ host, path }) => deleteRecordings(host.context, [path['id']!]),
  }),
  route('POST /recordings/fix', 'Move files of unpublished recordings out of what is served', {
    answer: schemas.maintenanceReport,
    run: ({ host }) => fixTrees(host.context),
  }),
  route('POST /recordings/reindex', 'Build the index from the files', {
    role: 'admin',
    answer: schemas.maintenanceReport,
    run: ({ host }) => reindex(host.context),
  }),
  route('POST /recordings/prune', 'Delete recordings of meetings that began long ago', {
    role: 'admin',
    body: schemas.pruneInput,
    answer: schemas.maintenanceReport,
    run: ({ host, body: { older_than_days: olderThanDays, state, dry_run: isDryRun } }) =>
      prune(host.context, { olderThanDays, isDryRun, ...(state !== undefined && { state }) }),
  }),
  route('POST /recordings/add-to-tenant', 'Give the recordings that have no tenant to one', {
    role: 'admin',
    body: z.strictObject({ tenant: z.string().describe('name or id') }),
    answer: z.strictObject({ count: z.number().int() }),
    run: ({ host, body: { tenant } }) => addRecordingsToTenant(host.context, tenant),
  }),
  route('POST /imports', 'Import the archives that wait, now', {
    answer: schemas.importSummary,
    run: async ({ host }) => {
      const summary = await host.importer.round();
      if (summary !== null) return summary;
      throw new OperationError('taken', 'another process imports just now, or recordings are off');
    },
  }),
  route('GET /imports', 'Archives that wait, and those that were put aside', {
    answer: schemas.importList,
    run: ({ host }) => listImports(host.context, host.importer.current),
  }),
  route('POST /imports/:file/retry', 'Put an archive that failed back into the spool', {
    run: ({ host, path }) => retryImport(host.context, path['file']!),
  }),
  route('GET /deliveries', 'Calls to front-ends, newest first', {
    query: z.strictObject({
      state: z.enum(['pending', 'delivered', 'gone', 'failed']).optional(),
    }),
    answer: z.array(schemas.delivery),
    run: ({ host, query: { state } }) =>
      listDeliveries(host.context, { state, limit: LIST_DEFAULT }),
  }),
  route('POST /deliveries/:id/retry', 'Try a call again now', {
    run: ({ host, path }) => retryDelivery(host.context, path['id']!),
  }),
];
