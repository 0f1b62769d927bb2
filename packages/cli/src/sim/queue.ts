/**
 * `balancer sim worker`, and the flags that `sim run` shares with it.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import { EXIT } from '@balancer/kit';
import { DEFAULT_QUEUE, type QueueOptions, startQueueWorker } from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface QueueFlags {
  readonly redis?: string;
  readonly queue?: string;
  readonly store?: string;
}

export interface WorkerFlags extends QueueFlags {
  readonly threads?: number;
  readonly lock?: number;
}

/** Takes shards until it gets SIGINT or SIGTERM; then it finishes those under way. */
export async function work(flags: WorkerFlags, io: Io): Promise<number> {
  const { threads = Math.max(1, availableParallelism() - 1), lock } = flags;
  if (threads < 1) throw new UsageError('--threads: must be at least 1');
  if (lock !== undefined && lock < 1) throw new UsageError('--lock: must be at least 1 second');
  const options = queueOptionsOf(flags, io);
  const worker = await startQueueWorker({
    ...options,
    threads,
    ...(lock !== undefined && { lockMs: lock * 1000 }),
    onShard: ({ shard, state, reason }) =>
      void io.stdout.write(`shard ${shard} ${state}${reason === undefined ? '' : `: ${reason}`}\n`),
  });
  io.stderr.write(
    `worker of queue ${options.queue ?? DEFAULT_QUEUE}, ${threads} at a time; Ctrl-C finishes the shards under way\n`,
  );
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) io.signals.on(signal, () => resolve());
  });
  await worker.close();
  return EXIT.ok;
}

/** What the flags and the environment say. @throws {UsageError} */
export function queueOptionsOf(flags: QueueFlags, io: Io): QueueOptions {
  const redis = flags.redis ?? io.environment['REDIS_URL'];
  if (redis === undefined)
    throw new UsageError('--redis: give the address of Redis, or set REDIS_URL');
  if (flags.store === undefined)
    throw new UsageError('--store: give a folder or bucket that all workers see');
  return {
    redis,
    store: flags.store,
    ...(flags.queue !== undefined && { queue: flags.queue }),
    onNotice: (notice) => void io.stderr.write(`${notice}\n`),
  };
}
