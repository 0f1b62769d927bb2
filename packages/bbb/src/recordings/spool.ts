/**
 * The folder in which archives arrive, and the one in which those end that cannot be imported.
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoName } from '@balancer/kit';

/** An archive in the spool. */
export interface SpooledArchive {
  readonly file: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** An archive that could not be imported. */
export interface FailedArchive {
  readonly file: string;
  readonly failedMs: number;
  readonly sizeBytes: number;
}

const SUFFIX = '.tar';
/** Name of the text beside an archive that was put aside. */
export const REASON_SUFFIX = '.error.txt';

/** The archives, oldest first. Hidden names are being written. */
export async function spooledArchives(folder: string): Promise<SpooledArchive[]> {
  const archives: SpooledArchive[] = [];
  for (const file of await archivesIn(folder)) {
    const path = join(folder, file);
    const status = await statusOf(path);
    if (status === null) continue;
    archives.push({ file, path, sizeBytes: status.size, modifiedMs: status.mtimeMs });
  }
  return archives.toSorted(
    (a, b) => a.modifiedMs - b.modifiedMs || (a.file < b.file ? -1 : Number(a.file > b.file)),
  );
}

/** The archives that could not be imported, by name. */
export async function failedArchives(folder: string): Promise<FailedArchive[]> {
  const failed: FailedArchive[] = [];
  for (const file of await archivesIn(folder)) {
    const status = await statusOf(join(folder, file));
    if (status !== null) failed.push({ file, failedMs: status.ctimeMs, sizeBytes: status.size });
  }
  return failed.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

/** False if there is another archive of that name, or none, where this one was. */
export async function isStillThere({ path, ...seen }: SpooledArchive): Promise<boolean> {
  const status = await statusOf(path);
  return status?.size === seen.sizeBytes && status.mtimeMs === seen.modifiedMs;
}

/** Puts an archive aside, with a text that says why. */
export async function setAside(
  archive: SpooledArchive,
  failedFolder: string,
  reason: string,
): Promise<void> {
  await mkdir(failedFolder, { recursive: true });
  const target = join(failedFolder, archive.file);
  // The reason first: an archive without one would be a riddle.
  await writeFile(`${target}${REASON_SUFFIX}`, `${reason}\n`);
  await moveFile(archive.path, target);
}

/** Brings an archive back for another try. @returns False if there is none of that name. */
export async function takeBack(
  file: string,
  folders: { readonly spool: string; readonly failed: string },
): Promise<boolean> {
  if (!isArchiveName(file)) return false;
  const source = join(folders.failed, file);
  if ((await statusOf(source)) === null) return false;
  await mkdir(folders.spool, { recursive: true });
  await moveFile(source, join(folders.spool, file));
  await rm(`${source}${REASON_SUFFIX}`, { force: true });
  return true;
}

/** Names an archive by what it is, so that the same one found twice is known. */
export function fingerprintOf({ file, sizeBytes, modifiedMs }: SpooledArchive): string {
  return createHash('sha256').update(`${file}\0${sizeBytes}\0${modifiedMs}`).digest('hex');
}

async function archivesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isArchiveName);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return [];
    throw error;
  }
}

function isArchiveName(file: string): boolean {
  return file.endsWith(SUFFIX) && !file.startsWith('.') && !/[/\0]/.test(file);
}

/** Size and times of a file; null for what is none, or is gone. */
async function statusOf(
  path: string,
): Promise<{ size: number; mtimeMs: number; ctimeMs: number } | null> {
  try {
    const status = await stat(path);
    return status.isFile() ? status : null;
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Renames a file; across file systems it is copied beside its target first, under a hidden name. */
async function moveFile(source: string, target: string): Promise<void> {
  try {
    await rename(source, target);
    return;
  } catch (error) {
    if (errnoName(error) !== 'EXDEV') throw error;
  }
  const copy = join(dirname(target), `.${randomUUID()}`);
  try {
    await cp(source, copy);
    await rename(copy, target);
  } catch (error) {
    await rm(copy, { force: true });
    throw error;
  }
  await unlink(source);
}
