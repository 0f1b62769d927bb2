/**
 * The routes of the REST API about recordings, archives on their way in, and calls on their way out.
 *
 * @module
 */
import { z } from '@balancer/kit';
import { listDeliveries, listImports, retryDelivery, retryImport } from '../operations/imports.ts';
import {
  deleteRecordings,
  listRecordings,
  publishRecordings,
  updateRecordings,
} from '../operations/recordings.ts';
import { type RestRoute, route } from './route.ts';
import * as schemas from './schemas.ts';

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
