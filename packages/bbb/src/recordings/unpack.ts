/**
 * Unpacks an archive of one recording, and only that: files and folders below `<format>/<recordID>/`,
 * within limits. Whatever else is in it, the archive as a whole is refused.
 *
 * @module
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoName } from '@balancer/kit';
import { ArchiveError, readExactly, readTar, type TarEntry } from './tar.ts';
import { FORMAT_NAME, RECORD_ID } from './trees.ts';

/** Bounds of one archive, unpacked. */
export interface UnpackLimits {
  readonly bytesMax: number;
  readonly entriesMax: number;
}

/** What was unpacked. */
export interface UnpackedArchive {
  readonly recordId: string;
  /** Names of the formats, in order. */
  readonly formats: readonly string[];
}

const CHUNK_BYTES = 1024 * 1024;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** Errors that a name in the archive causes, not the disk. */
const ERRORS_OF_NAMES = new Set([
  'ENAMETOOLONG',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'EINVAL',
  'EILSEQ',
]);

/**
 * Unpacks into a folder that is there and empty. Files are on disk when it resolves.
 *
 * @throws {ArchiveError} if the archive is refused; other errors are the file system's.
 */
export async function unpack(
  archive: string,
  folder: string,
  limits: UnpackLimits,
): Promise<UnpackedArchive> {
  const file = await open(archive, 'r');
  try {
    return await unpackFrom(file, folder, limits);
  } finally {
    await file.close();
  }
}

async function unpackFrom(
  file: FileHandle,
  folder: string,
  { bytesMax, entriesMax }: UnpackLimits,
): Promise<UnpackedArchive> {
  const formats = new Set<string>();
  let recordId: string | null = null;
  let bytes = 0;
  let count = 0;
  for await (const entry of readTar(file)) {
    if (++count > entriesMax) {
      throw new ArchiveError(`the archive has more than ${entriesMax} entries`);
    }
    bytes += entry.sizeBytes;
    if (bytes > bytesMax) throw new ArchiveError(`the archive has more than ${bytesMax} bytes`);
    const parts = partsOf(entry);
    const [format, id] = parts;
    if (id !== undefined) {
      if (recordId !== null && id !== recordId) {
        throw new ArchiveError('the archive has more than one recording');
      }
      recordId = id;
      formats.add(format!);
    }
    await write(file, entry, join(folder, ...parts));
  }
  if (recordId === null) throw new ArchiveError('the archive has no recording');
  return { recordId, formats: [...formats].toSorted() };
}

/** The parts of a name that may be unpacked. */
function partsOf({ name, kind }: TarEntry): string[] {
  const shown = JSON.stringify(name.slice(0, 200));
  if (kind === 'other') throw new ArchiveError(`${shown} is neither a file nor a folder`);
  if (name.startsWith('/')) throw new ArchiveError(`${shown} is an absolute path`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new ArchiveError(`${shown} leads out of the archive`);
  const [format, recordId, inner] = parts;
  const isSound =
    (format === undefined || FORMAT_NAME.test(format)) &&
    (recordId === undefined || RECORD_ID.test(recordId)) &&
    (kind === 'folder' || inner !== undefined);
  if (!isSound || name.includes('\0')) {
    throw new ArchiveError(`${shown} is not below <format>/<recordID>/`);
  }
  return parts;
}

async function write(file: FileHandle, entry: TarEntry, path: string): Promise<void> {
  try {
    if (entry.kind === 'folder') {
      await mkdir(path, { recursive: true, mode: FOLDER_MODE });
      return;
    }
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    await writeFile(file, entry, path);
  } catch (error) {
    const code = errnoName(error);
    if (code === null || !ERRORS_OF_NAMES.has(code)) throw error;
    const shown = JSON.stringify(entry.name.slice(0, 200));
    throw new ArchiveError(`${shown} cannot be a file or a folder: ${code}`, { cause: error });
  }
}

async function writeFile(file: FileHandle, entry: TarEntry, path: string): Promise<void> {
  const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
  const target = await open(path, O_CREAT | O_NOFOLLOW | O_TRUNC | O_WRONLY, FILE_MODE);
  try {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, entry.sizeBytes));
    for (let done = 0; done < entry.sizeBytes; done += chunk.length) {
      const part = chunk.subarray(0, entry.sizeBytes - done);
      await readExactly(file, part, entry.offsetBytes + done);
      await target.writeFile(part);
    }
    // The archive goes away once all of it is in place, so all of it must be on disk.
    await target.sync();
  } finally {
    await target.close();
  }
}
