/**
 * Imports what arrives in the spool, in one process at a time, one archive after the other.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import { recordingFolders } from '../config/folders.ts';
import type { GatewayContext } from '../context.ts';
import { Leadership } from '../leadership.ts';
import type { Lease } from '../store/leases.ts';
import type { RecordingRow } from '../store/recording-rows.ts';
import { importArchive, type ImportOutcome, sweepWork } from './import-archive.ts';
import { fingerprintOf, type SpooledArchive, spooledArchives } from './spool.ts';

/** What a round did. */
export interface ImportSummary {
  readonly archives: readonly {
    readonly file: string;
    readonly outcome: ImportOutcome['kind'];
    /** Why, if it was not imported; the recording's id if it was. */
    readonly detail: string;
  }[];
  /** Archives that may still grow. */
  readonly unsettledCount: number;
}

/** An archive as it was when it was first seen so. */
interface Sighting {
  readonly fingerprint: string;
  readonly atMs: number;
}

const MILLISECONDS = 1000;
/** A token may be shown to a process whose clock is behind ours: its use is remembered for longer. */
const CLOCKS_DIFFER_MS = 3_600_000;

export class Importer {
  readonly #context: () => GatewayContext;
  readonly #leadership: Leadership;
  readonly #sightings = new Map<string, Sighting>();
  readonly #onImported: (recording: RecordingRow, fingerprint: string) => Promise<void>;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<ImportSummary | null> = Promise.resolve(null);
  #isStopped = false;
  #isSwept = false;
  #current: string | null = null;

  /**
   * @param context - Asked when it is needed.
   * @param onImported - Called once per archive, or again after a crash with the same fingerprint.
   */
  constructor(
    context: () => GatewayContext,
    onImported: (recording: RecordingRow, fingerprint: string) => Promise<void>,
  ) {
    this.#context = context;
    this.#onImported = onImported;
    this.#leadership = new Leadership('importer', context);
  }

  /** The archive at hand; null for none. */
  get current(): string | null {
    return this.#current;
  }

  /** Imports for as long as this process has the lease. */
  async start(): Promise<void> {
    await this.#leadership.start((isLeading) => {
      if (isLeading) this.#next(0);
    });
  }

  /** Finishes the archive at hand, and gives the lease up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running.catch(() => {});
    await this.#leadership.stop();
  }

  /**
   * One round now: every archive that has settled. Rounds do not overlap.
   *
   * @returns Null if another process imports, or recordings are off.
   */
  async round(): Promise<ImportSummary | null> {
    const before = this.#running.catch(() => {});
    this.#running = before.then(async () => this.#round());
    return this.#running;
  }

  async #round(): Promise<ImportSummary | null> {
    const context = this.#context();
    if (!context.config().recordings_enabled) return null;
    if (this.#leadership.lease === null && !(await this.#leadership.renew())) return null;
    await this.#putRight(context);
    const { settled, unsettledCount } = await this.#settled(context);
    const archives: { file: string; outcome: ImportOutcome['kind']; detail: string }[] = [];
    for (const archive of settled) {
      const { lease } = this.#leadership;
      if (this.#isStopped || lease === null) break;
      const outcome = await this.#import(context, archive, lease);
      const detail = outcome.kind === 'imported' ? outcome.recording.recordId : outcome.reason;
      archives.push({ file: archive.file, outcome: outcome.kind, detail });
    }
    return { archives, unsettledCount };
  }

  /** What a crash left: here once, and of other processes when their claims run out. */
  async #putRight({ config, store, recordings, nowMs }: GatewayContext): Promise<void> {
    await recordings.settleAbandoned();
    if (!this.#isSwept) {
      await sweepWork(recordingFolders(config()).work);
      this.#isSwept = await recordings.sweep();
    }
    await store.usedTokens.dropExpired(nowMs() - CLOCKS_DIFFER_MS);
  }

  async #import(
    context: GatewayContext,
    archive: SpooledArchive,
    lease: Lease,
  ): Promise<ImportOutcome> {
    this.#current = archive.file;
    try {
      const outcome = await importArchive(context, archive, {
        lease,
        onImported: async (recording) => this.#onImported(recording, fingerprintOf(archive)),
      });
      const fields = { archive: archive.file };
      context.count({ kind: 'imported', result: outcome.kind });
      if (outcome.kind === 'imported') {
        const { recordId } = outcome.recording;
        context.logger.info('archive imported', { ...fields, recordId, formats: outcome.formats });
      } else {
        context.logger.warn(`archive ${outcome.kind}`, { ...fields, reason: outcome.reason });
      }
      return outcome;
    } finally {
      this.#current = null;
    }
  }

  /** The archives that have not changed for as long as it takes. */
  async #settled({ config }: GatewayContext): Promise<{
    settled: SpooledArchive[];
    unsettledCount: number;
  }> {
    const settleMs = config().recordings_import_settle_seconds * MILLISECONDS;
    const archives = await spooledArchives(recordingFolders(config()).spool);
    const nowMs = performance.now();
    const names = new Set(archives.map(({ file }) => file));
    for (const file of this.#sightings.keys()) if (!names.has(file)) this.#sightings.delete(file);
    const settled = archives.filter((archive) => {
      const fingerprint = fingerprintOf(archive);
      const seen = this.#sightings.get(archive.file);
      if (seen?.fingerprint === fingerprint) return nowMs - seen.atMs >= settleMs;
      this.#sightings.set(archive.file, { fingerprint, atMs: nowMs });
      return settleMs === 0;
    });
    return { settled, unsettledCount: archives.length - settled.length };
  }

  /** Never rejects. */
  async #turn(): Promise<void> {
    const { config, logger } = this.#context();
    let delayMs = config().recordings_import_poll_interval;
    try {
      const { unsettledCount = 0 } = (await this.round()) ?? {};
      const settleMs = config().recordings_import_settle_seconds * MILLISECONDS;
      if (unsettledCount > 0) delayMs = Math.min(delayMs, settleMs);
    } catch (error) {
      logger.error('a round of imports failed', { error: messageOf(error) });
    }
    this.#next(delayMs);
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#turn();
    }, delayMs);
  }
}
