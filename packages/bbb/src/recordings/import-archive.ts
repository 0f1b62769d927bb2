/**
 * Imports one archive: unpacks it beside the trees, brings the index up to date format by format, and
 * puts each folder in its place. Until the end the archive stays where it is, so that whatever stops
 * it, doing it again comes to the same.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BalancerError, errnoName, messageOf } from '@balancer/kit';
import { recordingFolders } from '../config/folders.ts';
import type { GatewayContext } from '../context.ts';
import type { Lease } from '../store/leases.ts';
import type { RecordingRow } from '../store/recording-rows.ts';
import { treeOf } from './library.ts';
import { type ParsedMetadata, parseMetadata } from './metadata-xml.ts';
import { isStillThere, setAside, type SpooledArchive } from './spool.ts';
import { ArchiveError } from './tar.ts';
import { unpack } from './unpack.ts';

/** What became of an archive. */
export type ImportOutcome =
  | { readonly kind: 'imported'; readonly recording: RecordingRow; readonly formats: string[] }
  /** Put aside: another try would end the same way. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Left in the spool for the next round. */
  | { readonly kind: 'left'; readonly reason: string };

/** Another process imports by now. */
class LeaseLostError extends BalancerError {
  override readonly name = 'LeaseLostError';
  readonly code = 'LEASE_LOST';
}

const UNPACKED = 'import-';
const RETRY_AFTER_MS = 200;

/** Removes what an import left that was cut short. */
export async function sweepWork(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return;
    throw error;
  }
  for (const name of names) {
    if (name.startsWith(UNPACKED)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * @param onImported - Called when the recording is in place and before the archive goes.
 */
export async function importArchive(
  context: GatewayContext,
  archive: SpooledArchive,
  {
    lease,
    onImported,
  }: {
    readonly lease: Lease;
    readonly onImported: (recording: RecordingRow) => Promise<void>;
  },
): Promise<ImportOutcome> {
  const config = context.config();
  const folders = recordingFolders(config);
  const work = join(folders.work, `${UNPACKED}${randomUUID()}`);
  try {
    await mkdir(work, { recursive: true });
    const { recordId, formats } = await unpack(archive.path, work, {
      bytesMax: config.recordings_archive_max_bytes,
      entriesMax: config.recordings_archive_max_entries,
    });
    const { recording, imported, problems } = await importFormats(context, lease, {
      work,
      recordId,
      formats,
    });
    if (recording === null) throw new ArchiveError(problems.join('\n'));
    for (const problem of problems) {
      context.logger.warn('a format was not imported', { archive: archive.file, problem });
    }
    await onImported(recording);
    // One of the same name that has come since waits for its turn.
    if (await isStillThere(archive)) await unlink(archive.path);
    return { kind: 'imported', recording, formats: imported };
  } catch (error) {
    const reason = messageOf(error);
    const isRefused = error instanceof ArchiveError && (await isStillThere(archive));
    if (!isRefused) return { kind: 'left', reason };
    await setAside(archive, folders.failed, reason);
    return { kind: 'refused', reason };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Unpacked {
  readonly work: string;
  readonly recordId: string;
  readonly formats: readonly string[];
}

async function importFormats(
  context: GatewayContext,
  lease: Lease,
  { work, recordId, formats }: Unpacked,
): Promise<{ recording: RecordingRow | null; imported: string[]; problems: string[] }> {
  const problems: string[] = [];
  const imported: string[] = [];
  let recording: RecordingRow | null = null;
  for (const format of formats) {
    const folder = join(work, format, recordId);
    const metadata = await readMetadata(folder, { format, recordId });
    if (typeof metadata === 'string') {
      problems.push(`${format}: ${metadata}`);
      continue;
    }
    recording = await importFormat(context, lease, { folder, metadata });
    imported.push(format);
  }
  return { recording, imported, problems };
}

/** What a format's folder says of itself, or what is wrong with it. */
async function readMetadata(
  folder: string,
  { format, recordId }: { readonly format: string; readonly recordId: string },
): Promise<ParsedMetadata | string> {
  let content: Buffer;
  try {
    content = await readFile(join(folder, 'metadata.xml'));
  } catch (error) {
    const code = errnoName(error);
    if (code === 'ENOENT' || code === 'EISDIR') return 'there is no metadata.xml';
    throw error;
  }
  try {
    const metadata = parseMetadata(content);
    const about = `${metadata.format.type}/${metadata.recordId}`;
    if (about === `${format}/${recordId}`) return metadata;
    return `metadata.xml is about ${about}, its folder is ${format}/${recordId}`;
  } catch (error) {
    return messageOf(error);
  }
}

async function importFormat(
  context: GatewayContext,
  lease: Lease,
  { folder, metadata }: { readonly folder: string; readonly metadata: ParsedMetadata },
): Promise<RecordingRow> {
  const { recordings, store, config } = context;
  const { recordId } = metadata;
  const format = metadata.format.type;
  const { recordings_import_unpublished: isHidden, protected_enabled: isProtected } = config();
  return recordings.claimed(recordId, async () => {
    const rules = { isPublished: !isHidden && metadata.isPublished, isProtected };
    const before = await store.recordings.find(recordId);
    const isPublished = before?.isPublishUpdated ? before.isPublished : rules.isPublished;
    const tree = treeOf(isPublished);
    // What needs room comes before the index changes.
    const staged = await recordings.trees.stage(tree, format, folder);
    try {
      const row = await retried(config().recordings_db_retry_count, async () => {
        let written: RecordingRow | null = null;
        const isLeading = await store.leases.fenced(lease, async (db) => {
          written = await store.recordings.upsert(metadata, rules, db);
        });
        if (!isLeading || written === null) {
          throw new LeaseLostError('another process imports by now');
        }
        return written;
      });
      await recordings.trees.install(staged, { tree, format, recordId });
      // Formats that came before follow the recording's flag.
      await recordings.trees.moveTo(tree, recordId);
      return row;
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  });
}

/** Tries again after a failure of the storage, so many times. */
async function retried<T>(count: number, work: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof LeaseLostError || failures >= count) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * (failures + 1)));
    }
  }
}
