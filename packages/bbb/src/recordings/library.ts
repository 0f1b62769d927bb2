/**
 * The recordings as a whole: rows and files together. One process at a time works on a recording; work
 * that a crash cuts short is put right by bringing the files to where the row says they are.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { BalancerError, type Logger, messageOf, Turns } from '@balancer/kit';
import { recordingFolders } from '../config/folders.ts';
import type { BbbConfig } from '../config/keys.ts';
import type { RecordingRow } from '../store/recording-rows.ts';
import type { Store } from '../store/store.ts';
import { RecordingTrees, type TreeName } from './trees.ts';

/** What the library works on. */
export interface LibraryParts {
  readonly config: () => BbbConfig;
  readonly store: Store;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/** Another process has been working on a recording for longer than anybody waits. */
export class RecordingBusyError extends BalancerError {
  override readonly name = 'RecordingBusyError';
  readonly code = 'RECORDING_BUSY';

  constructor(recordId: string) {
    super(`recording ${recordId} is being worked on by another process; try again later`);
  }
}

/** How long a claim counts without being renewed, and between two renewals. */
const CLAIM_MS = 30_000;
const RENEW_MS = 10_000;
/** How long one waits for another process, and between two looks. */
const WAIT_MAX_MS = 15_000;
const LOOK_MS = 50;

export class RecordingLibrary {
  readonly trees: RecordingTrees;
  readonly #parts: LibraryParts;
  readonly #owner = randomUUID();
  /** Of this process, by recording. */
  readonly #turns = new Turns();

  constructor(parts: LibraryParts) {
    this.#parts = parts;
    this.trees = new RecordingTrees(() => recordingFolders(parts.config()));
  }

  /**
   * Publishes or unpublishes a recording: files first, then the row.
   *
   * @returns `missing`, with nothing changed, if its files are in neither tree; `gone` if it is deleted.
   * @throws if the files cannot be moved; they are where they were.
   */
  async setPublished(recordId: string, isPublished: boolean): Promise<'done' | 'missing' | 'gone'> {
    const { store } = this.#parts;
    return this.claimed(recordId, async () => {
      const row = await store.recordings.find(recordId);
      if (row === undefined || row.state === 'deleted') return 'gone';
      if (row.isPublished === isPublished) return 'done';
      try {
        if (!(await this.trees.moveTo(treeOf(isPublished), recordId))) return 'missing';
        const isOurs = await store.recordingWork.whileClaimed(
          { recordId, owner: this.#owner },
          async (db) => store.recordings.setPublished(recordId, isPublished, db),
        );
        // This process stood still for so long that another one took it for dead, and moved them back.
        if (!isOurs) throw new RecordingBusyError(recordId);
      } catch (error) {
        // What cannot be put back now is tried again with the next `settleAbandoned`.
        await this.#settle(row).catch(() => {});
        throw error;
      }
      return 'done';
    });
  }

  /** Deletes a recording: the row says so first, then the files go. */
  async delete(recordId: string): Promise<void> {
    const { store, nowMs } = this.#parts;
    await this.claimed(recordId, async () => {
      const row = await store.recordings.find(recordId);
      if (row === undefined) return;
      if (row.state !== 'deleted') await store.recordings.markDeleted(recordId, nowMs());
      await this.trees.remove(recordId);
    });
  }

  /**
   * Works on a recording while nobody else does.
   *
   * @throws {RecordingBusyError} if another process does, and goes on doing so.
   */
  async claimed<T>(recordId: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(recordId, async () => this.#claimed(recordId, work));
  }

  /**
   * Puts right what processes that died left half done.
   *
   * @returns Ids of the recordings that it brought into order.
   */
  async settleAbandoned(): Promise<string[]> {
    const { store, nowMs, logger } = this.#parts;
    const settled: string[] = [];
    for (const recordId of await store.recordingWork.abandoned(nowMs())) {
      try {
        await this.claimed(recordId, async () => {
          const row = await store.recordings.find(recordId);
          if (row !== undefined) await this.#settle(row);
        });
        settled.push(recordId);
      } catch (error) {
        logger.warn('a recording could not be put right', { recordId, error: messageOf(error) });
      }
    }
    return settled;
  }

  /**
   * Removes what processes that died left under hidden names.
   *
   * @returns False, with nothing removed, while somebody works on a recording: it may be theirs.
   */
  async sweep(): Promise<boolean> {
    const { store, nowMs } = this.#parts;
    // In this order: what was found is either left over, or of work that has its claim until its end.
    const found = await this.trees.hidden();
    if (await store.recordingWork.isAnyClaimed(nowMs())) return false;
    for (const path of found) await rm(path, { recursive: true, force: true });
    return true;
  }

  /** Brings the files to where the row says. */
  async #settle(row: RecordingRow): Promise<void> {
    if (row.state === 'deleted') await this.trees.remove(row.recordId);
    else await this.trees.moveTo(treeOf(row.isPublished), row.recordId);
  }

  async #claimed<T>(recordId: string, work: () => Promise<T>): Promise<T> {
    const { store, nowMs, logger } = this.#parts;
    const claim = { recordId, owner: this.#owner };
    const extend = async (): Promise<boolean> =>
      store.recordingWork.claim(claim, { nowMs: nowMs(), forMs: CLAIM_MS });
    const deadlineMs = performance.now() + WAIT_MAX_MS;
    while (!(await extend())) {
      if (performance.now() > deadlineMs) throw new RecordingBusyError(recordId);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    let extending: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      extending = extend().catch((error: unknown) =>
        logger.warn('a claim could not be renewed', { recordId, error: messageOf(error) }),
      );
    }, RENEW_MS);
    try {
      const result = await work();
      clearInterval(timer);
      // A renewal that comes after the end would be a claim that nobody ends.
      await extending;
      await store.recordingWork.finish(claim);
      return result;
    } catch (error) {
      // It may be half done: whoever looks next puts it right.
      await store.recordingWork.claim(claim, { nowMs: nowMs(), forMs: 0 }).catch(() => {});
      throw error;
    } finally {
      clearInterval(timer);
    }
  }
}

/** The tree in which a recording's files belong. */
export function treeOf(isPublished: boolean): TreeName {
  return isPublished ? 'published' : 'unpublished';
}
