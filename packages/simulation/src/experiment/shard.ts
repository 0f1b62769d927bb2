/**
 * A shard: the jobs n with n mod K = k, written line by line as they end. A finished shard has its
 * final name; an unfinished one keeps the lines that are whole, and goes on after them.
 *
 * @module
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { appendWhole } from './manifest.ts';
import { loadResources, type ReadPriceFile, type Resources } from './resources.ts';
import { jobOf, jobsOfShard, type Plan, windowOf } from './plan.ts';
import { type JobResult, runJob } from './run-job.ts';

/** What a worker tells while it runs a shard. */
export interface ShardProgress {
  /** Jobs that ended since the last call. */
  readonly done: number;
  /** Sum of the first metrics of those jobs. */
  readonly sum: number;
}

export function shardFile(folder: string, shard: number): string {
  return join(folder, `shard-${shard}.ndjson`);
}

function partFile(folder: string, shard: number): string {
  return join(folder, `shard-${shard}.part`);
}

/** Shards of a plan that are not finished. */
export function openShards(plan: Plan, folder: string): number[] {
  return Array.from({ length: plan.shards }, (_each, shard) => shard).filter(
    (shard) => !existsSync(shardFile(folder, shard)),
  );
}

/** Results of an unfinished shard; a line that was cut off by a crash does not count. */
export function readPart(folder: string, shard: number): string[] {
  const file = partFile(folder, shard);
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
}

/**
 * Runs what is left of a shard.
 *
 * @param isStopped - Asked between jobs; a stopped shard stays unfinished.
 * @returns Whether the shard is finished.
 */
export async function runShard(
  plan: Plan,
  shard: number,
  options: {
    readonly folder: string;
    readonly readPrices: ReadPriceFile;
    readonly isStopped: () => boolean;
    readonly onProgress?: (progress: ShardProgress) => void;
    /** Called between jobs, so that messages can arrive. */
    readonly pause?: () => Promise<void>;
  },
): Promise<boolean> {
  const { folder, readPrices, isStopped, onProgress, pause } = options;
  if (existsSync(shardFile(folder, shard))) return true;
  const part = partFile(folder, shard);
  const lines = readPart(folder, shard);
  if (existsSync(part))
    truncateSync(part, Buffer.byteLength(lines.map((line) => `${line}\n`).join('')));
  const jobs = [...jobsOfShard(plan, shard)].slice(lines.length);
  const file = openSync(part, 'a');
  try {
    let resources: Resources | null = null;
    let resourcesOf = -1;
    for (const job of jobs) {
      if (pause !== undefined) await pause();
      if (isStopped()) return false;
      const { point, repetition } = jobOf(plan, job);
      if (resources === null || resourcesOf !== point.index) {
        const window = windowOf(plan, point);
        resources = await loadResources(point.experiment, plan.folder, {
          window,
          readPrices,
          files: plan.source.files ?? {},
        });
        resourcesOf = point.index;
      }
      const result = runJob(point.experiment, resources, { repetition, run: job });
      appendWhole(part, file, `${JSON.stringify(result)}\n`);
      onProgress?.({ done: 1, sum: result.metrics[1] ?? 0 });
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(part, shardFile(folder, shard));
  return true;
}

/** The line of a result. NaN and infinities come back as null, which tables show as empty. */
export function parseResult(line: string): JobResult {
  return JSON.parse(line) as JobResult;
}
