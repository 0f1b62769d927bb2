/**
 * The two trees of recording files: `<tree>/<format>/<recordID>`. A recording's folders are in one of
 * them. Everything that needs room or time happens in a hidden folder beside the target, so that what
 * is visible changes by renames alone.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { cp, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoName } from '@balancer/kit';

/** Which tree. */
export type TreeName = 'published' | 'unpublished';

/** Where the trees are. */
export type TreeFolders = Readonly<Record<TreeName, string>>;

/** Names of formats and of recordings; nothing else becomes part of a path. */
export const FORMAT_NAME: RegExp = /^[a-z0-9_-]+$/;
export const RECORD_ID: RegExp = /^[A-Za-z0-9_-]+$/;

const HIDDEN = '.balancer-';
const TREES = ['published', 'unpublished'] as const;

export class RecordingTrees {
  readonly #folders: () => TreeFolders;

  /** @param folders - Asked each time: a reload may change them. */
  constructor(folders: () => TreeFolders) {
    this.#folders = folders;
  }

  /** The tree that is not this one. */
  static other(tree: TreeName): TreeName {
    return tree === 'published' ? 'unpublished' : 'published';
  }

  /** Formats of which a tree has a folder of the recording. */
  async formatsOf(tree: TreeName, recordId: string): Promise<string[]> {
    const formats = await this.formats(tree);
    const has = await Promise.all(
      formats.map(async (format) => isFolder(this.#path(tree, format, recordId))),
    );
    return formats.filter((_, i) => has[i]);
  }

  /** Formats of a tree. */
  async formats(tree: TreeName): Promise<string[]> {
    return (await namesIn(this.#folders()[tree])).filter((name) => FORMAT_NAME.test(name));
  }

  /** Ids of the recordings that a tree has in one format. */
  async recordIds(tree: TreeName, format: string): Promise<string[]> {
    const names = await namesIn(join(this.#folders()[tree], format));
    return names.filter((name) => RECORD_ID.test(name));
  }

  /** Path of one format of a recording. The names must be sound. */
  path(tree: TreeName, format: string, recordId: string): string {
    return this.#path(tree, format, recordId);
  }

  /**
   * Brings all folders of a recording into one tree. What is in both is removed from the other.
   *
   * @returns False if it has no folder in either.
   * @throws if a folder cannot be moved; those before it are moved.
   */
  async moveTo(tree: TreeName, recordId: string): Promise<boolean> {
    const from = RecordingTrees.other(tree);
    const [there, here] = await Promise.all([
      this.formatsOf(from, recordId),
      this.formatsOf(tree, recordId),
    ]);
    for (const format of there) {
      const source = this.#path(from, format, recordId);
      if (here.includes(format)) await rm(source, { recursive: true, force: true });
      else await moveFolder(source, this.#path(tree, format, recordId));
    }
    return there.length + here.length > 0;
  }

  /** Removes all folders of a recording from both trees. */
  async remove(recordId: string): Promise<void> {
    for (const tree of TREES) {
      for (const format of await this.formatsOf(tree, recordId)) {
        await rm(this.#path(tree, format, recordId), { recursive: true, force: true });
      }
    }
  }

  /**
   * Takes a folder into a tree under a hidden name, where `install` finds it.
   *
   * @returns The hidden path.
   */
  async stage(tree: TreeName, format: string, source: string): Promise<string> {
    const hidden = join(this.#folders()[tree], format, `${HIDDEN}${randomUUID()}`);
    await moveFolder(source, hidden);
    return hidden;
  }

  /** Puts a staged folder in the place of what either tree has of that format. */
  async install(
    staged: string,
    { tree, format, recordId }: { tree: TreeName; format: string; recordId: string },
  ): Promise<void> {
    const target = this.#path(tree, format, recordId);
    const replaced = join(dirname(target), `${HIDDEN}${randomUUID()}`);
    if (await isFolder(target)) await rename(target, replaced);
    await rename(staged, target);
    await syncFolder(dirname(target));
    await rm(replaced, { recursive: true, force: true });
    const elsewhere = this.#path(RecordingTrees.other(tree), format, recordId);
    await rm(elsewhere, { recursive: true, force: true });
  }

  /** Paths of what is under hidden names: work under way, and what a process that died left. */
  async hidden(): Promise<string[]> {
    const paths: string[] = [];
    for (const tree of TREES) {
      for (const format of await this.formats(tree)) {
        const folder = join(this.#folders()[tree], format);
        const names = (await namesIn(folder)).filter((name) => name.startsWith(HIDDEN));
        paths.push(...names.map((name) => join(folder, name)));
      }
    }
    return paths;
  }

  #path(tree: TreeName, format: string, recordId: string): string {
    return join(this.#folders()[tree], format, recordId);
  }
}

/** Renames a folder; across file systems it is copied beside its target first. */
async function moveFolder(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  try {
    await rename(source, target);
    return;
  } catch (error) {
    if (errnoName(error) !== 'EXDEV') throw error;
  }
  const copy = join(dirname(target), `${HIDDEN}${randomUUID()}`);
  try {
    await cp(source, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    await rename(copy, target);
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  }
  await rm(source, { recursive: true, force: true });
}

/** Makes the names in a folder survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (errnoName(error) === 'ENOENT' || errnoName(error) === 'ENOTDIR') return false;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return [];
    throw error;
  }
}
