/**
 * Orders about all recordings: bringing files and index together, and letting old ones go.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@balancer/kit';
import type { GatewayContext } from '../context.ts';
import type { Recording } from '../store/recording-rows.ts';
import type { RecordingFilter } from '../store/recording-filter.ts';
import { parseMetadata } from './metadata-xml.ts';

/** What an order did. */
export interface MaintenanceReport {
  /** Ids of recordings that were changed, or would be. */
  readonly changed: readonly string[];
  /** Recordings that could not be: id and why. */
  readonly failed: readonly { readonly recordId: string; readonly reason: string }[];
}

const TREES = ['published', 'unpublished'] as const;
const DAY_MS = 86_400_000;
/** States that a prune takes when none is named. */
const ALIVE = ['processing', 'processed', 'published', 'unpublished'];

/** Moves the files of unpublished recordings out of the tree that is served. */
export async function fixTrees(context: GatewayContext): Promise<MaintenanceReport> {
  const { store, recordings } = context;
  const changed: string[] = [];
  const rows = await store.recordings.list({ states: ['unpublished'] });
  const failed = await eachOf(rows, async ({ recordId }) => {
    await recordings.claimed(recordId, async () => {
      const row = await store.recordings.find(recordId);
      if (row?.state !== 'unpublished') return;
      if ((await recordings.trees.formatsOf('published', recordId)).length === 0) return;
      await recordings.trees.moveTo('unpublished', recordId);
      changed.push(recordId);
    });
  });
  return { changed, failed };
}

/**
 * Builds the index from the trees: a recording is published if its files are. What the index already
 * knows of a recording's metadata and protection stays.
 */
export async function reindex(context: GatewayContext): Promise<MaintenanceReport> {
  const { recordings, config, store } = context;
  const changed = new Set<string>();
  const found: { recordId: string; path: string; isPublished: boolean; format: string }[] = [];
  for (const tree of TREES) {
    for (const format of await recordings.trees.formats(tree)) {
      for (const recordId of await recordings.trees.recordIds(tree, format)) {
        const path = recordings.trees.path(tree, format, recordId);
        found.push({ recordId, format, path, isPublished: tree === 'published' });
      }
    }
  }
  const failed = await eachOf(found, async ({ recordId, format, path, isPublished }) => {
    await recordings.claimed(recordId, async () => {
      // Read here, where nobody moves it: what was found above may be elsewhere by now.
      const facts = parseMetadata(await readFile(join(path, 'metadata.xml')));
      if (facts.recordId !== recordId || facts.format.type !== format) {
        throw new Error(`${path}: metadata.xml is about ${facts.format.type}/${facts.recordId}`);
      }
      const [known] = await store.recordings.list({ recordIds: [recordId] });
      const metadata = new Map([...facts.metadata, ...(known?.metadata ?? [])]);
      const isProtected = known?.isProtected ?? config().protected_enabled;
      await store.recordings.upsert(
        { ...facts, metadata },
        { isPublished, isProtected, isForced: true },
      );
    });
    changed.add(recordId);
  });
  return { changed: [...changed], failed };
}

/** Which recordings a prune takes. */
export interface PruneRules {
  readonly olderThanDays: number;
  readonly state?: string;
  /** Only tells what it would do. */
  readonly isDryRun: boolean;
}

/** Deletes recordings of meetings that began long ago. */
export async function prune(
  context: GatewayContext,
  { olderThanDays, state, isDryRun }: PruneRules,
): Promise<MaintenanceReport> {
  const filter: RecordingFilter = {
    states: state === undefined ? ALIVE : [state],
    startedBeforeMs: context.nowMs() - olderThanDays * DAY_MS,
  };
  const rows = await context.store.recordings.list(filter);
  if (isDryRun) return { changed: rows.map(({ recordId }) => recordId), failed: [] };
  const changed: string[] = [];
  const failed = await eachOf(rows, async ({ recordId }) => {
    await context.recordings.delete(recordId);
    changed.push(recordId);
  });
  return { changed, failed };
}

/** One after the other; those that fail do not stop the rest. */
async function eachOf<T extends Pick<Recording, 'recordId'>>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<MaintenanceReport['failed']> {
  const failed: { recordId: string; reason: string }[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      failed.push({ recordId: item.recordId, reason: messageOf(error) });
    }
  }
  return failed;
}
