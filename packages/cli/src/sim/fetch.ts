/**
 * `balancer sim fetch`: recordings from a subgraph or a node. Nothing else in the toolkit asks the
 * network.
 *
 * @module
 */
import { createProgress, EXIT } from '@balancer/kit';
import { fetchLogs, fetchSubgraph } from '@balancer/simulation';
import { EXIT_INTERRUPTED, UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface FetchFlags {
  readonly url?: string;
  readonly key?: string;
  readonly pool: string;
  readonly out: string;
  readonly rate: number;
  readonly from?: number;
  readonly to?: number;
  readonly fromBlock?: number;
  readonly toBlock?: number;
}

/** Where the latest of everything is included. */
const FOREVER = 2 ** 31 - 1;

/** Fetches, or goes on with what an earlier call began. Ctrl-C leaves what there is for the next call. */
export async function fetchRecords(source: string, flags: FetchFlags, io: Io): Promise<number> {
  if (source !== 'subgraph' && source !== 'logs')
    throw new UsageError(`${source}: must be subgraph or logs`);
  if (!(flags.rate > 0)) throw new UsageError('--rate: must be above 0');
  const text = flags.url ?? io.environment['SIM_FETCH_URL'];
  if (text === undefined || !URL.canParse(text) || !/^https?:/.test(text))
    throw new UsageError('--url: give the address of the service, or set SIM_FETCH_URL');
  const key = flags.key ?? io.environment['SIM_FETCH_KEY'];
  const controller = new AbortController();
  io.signals.on('SIGINT', () => controller.abort());
  const progress = createProgress({ label: `fetch ${source}`, stream: io.stderr });
  const common = {
    url: new URL(text),
    ...(key !== undefined && { key }),
    pool: flags.pool.toLowerCase(),
    out: flags.out,
    rate: flags.rate,
    signal: controller.signal,
    onRetry: (reason: string, delayMs: number) =>
      void io.stderr.write(`${reason}; again in ${(delayMs / 1000).toFixed(1)} s\n`),
  };
  try {
    const rows =
      source === 'subgraph'
        ? await fetchSubgraph({
            ...common,
            from: flags.from ?? 0,
            to: flags.to ?? FOREVER,
            onProgress: (count) => progress.update(count, 'rows'),
          })
        : await fetchLogs({
            ...common,
            ...blocksOf(flags),
            onProgress: (block, logs) => progress.update(logs, `logs up to block ${block}`),
          });
    progress.finish(`${rows} rows`);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    io.stderr.write('interrupted; the same command goes on\n');
    return EXIT_INTERRUPTED;
  }
  io.stdout.write(`${flags.out}\n`);
  return EXIT.ok;
}

function blocksOf({ fromBlock, toBlock }: FetchFlags): { fromBlock: number; toBlock: number } {
  if (fromBlock === undefined || toBlock === undefined)
    throw new UsageError('--from-block and --to-block: give the first and last block');
  if (toBlock < fromBlock)
    throw new UsageError(`--to-block: must not be before --from-block, ${fromBlock}`);
  return { fromBlock, toBlock };
}
