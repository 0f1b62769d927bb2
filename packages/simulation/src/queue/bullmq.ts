/**
 * BullMQ, an optional peer: loaded on first use, with an error that says how to get it.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

export type BullMq = typeof import('bullmq');

/** Queue of shards when none is named. */
export const DEFAULT_QUEUE = 'simulation';

/** What a job of the queue holds: which plan in the store, and which shard of it. */
export interface ShardJob {
  readonly plan: string;
  readonly shard: number;
}

/** Runs done, and the sum of their first metric, as a job's progress. */
export interface ShardJobProgress {
  readonly done: number;
  readonly sum: number;
}

/** How to reach the queue. */
export interface QueueOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly redis: string;
  readonly queue?: string;
  /** Folder or bucket that all machines see: see `openStore`. */
  readonly store: string;
  /** Told when Redis goes away and comes back. */
  readonly onNotice?: (notice: string) => void;
}

/** Name of a shard's result in the store. */
export function shardName({ plan, shard }: ShardJob): string {
  return `${plan}/shard-${shard}`;
}

/** @throws {SimulationError} When the packages are not installed. */
export async function loadBullMq(): Promise<BullMq> {
  try {
    return await import('bullmq');
  } catch (error) {
    throw new SimulationError(
      `--redis needs the packages bullmq and ioredis; install them with: npm install bullmq ioredis`,
      { cause: error },
    );
  }
}

/** Connection settings of a queue or worker. @throws {SimulationError} For what is no address of Redis. */
export function connectionOf(redis: string): {
  readonly url: string;
  readonly maxRetriesPerRequest: null;
} {
  if (!/^rediss?:\/\/[^/\s]/.test(redis) || !URL.canParse(redis))
    throw new SimulationError(`--redis: must be redis://host:port; got ${redis}`);
  // Waits for a Redis that is away instead of failing.
  return { url: redis, maxRetriesPerRequest: null };
}

/** Says once that Redis is away, and once that it is back. */
export function outageNotice(
  redis: string,
  notice: (text: string) => void,
): {
  readonly failed: (error: Error) => void;
  readonly answered: () => void;
} {
  let isAway = false;
  const { host } = new URL(redis);
  return {
    failed: (error) => {
      if (isAway || !isOfConnection(error)) return;
      isAway = true;
      notice(`Redis at ${host} does not answer (${error.message}); waiting for it`);
    },
    answered: () => {
      if (isAway) notice(`Redis at ${host} is back`);
      isAway = false;
    },
  };
}

function isOfConnection(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_)/.test(code) ||
    /connect|closed/i.test(error.message)
  );
}
