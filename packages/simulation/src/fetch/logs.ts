/**
 * Logs of a V1 pool over JSON-RPC, in ranges of blocks. A range that the node finds too large is
 * halved; ranges grow again while they go well.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { Journal } from './journal.ts';
import { PatientClient, type PatientOptions } from './patient.ts';

export interface LogsFetch extends PatientOptions {
  readonly url: URL;
  readonly key?: string;
  /** Address of the pool. */
  readonly pool: string;
  readonly fromBlock: number;
  /** Included. */
  readonly toBlock: number;
  readonly out: string;
  readonly onProgress?: (block: number, logs: number) => void;
}

interface Log {
  readonly blockNumber: string;
  readonly logIndex: string;
  readonly blockTimestamp?: string;
}

const BLOCKS_FIRST = 2000;
const BLOCKS_MAX = 50_000;

/** Fetches what there is; a second call with the same options goes on after a break. @returns Logs. */
export async function fetchLogs(options: LogsFetch): Promise<number> {
  const { pool, fromBlock, toBlock, out, signal, onProgress } = options;
  const rpc = new Rpc(options);
  const journal = new Journal<{ readonly block: number }>(out, {
    fetch: 'v1-logs',
    pool,
    fromBlock,
    toBlock,
  });
  let blocks = BLOCKS_FIRST;
  for (let from = journal.next?.block ?? fromBlock; from <= toBlock;) {
    signal?.throwIfAborted();
    const to = Math.min(toBlock, from + blocks - 1);
    const filter = { address: pool, fromBlock: hex(from), toBlock: hex(to) };
    const { result, tooLarge } = await rpc.call('eth_getLogs', [filter]);
    if (tooLarge !== null) {
      if (from === to) throw new SimulationError(`block ${from}: ${tooLarge}`);
      blocks = Math.max(1, Math.floor((to - from + 1) / 2));
      continue;
    }
    const rows: object[] = [];
    for (const log of result as readonly Log[]) {
      const time = log.blockTimestamp ?? (await rpc.timeOf(log.blockNumber));
      rows.push({ ...log, timeStamp: String(Number(time)) });
    }
    journal.add(rows, { block: to + 1 });
    onProgress?.(to, journal.count);
    from = to + 1;
    blocks = Math.min(BLOCKS_MAX, blocks * 2);
  }
  const { count } = journal;
  journal.finish();
  return count;
}

class Rpc {
  readonly #client: PatientClient;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  #id = 0;
  /** Logs of a block come together, so one time is enough. */
  #known: { readonly block: string; readonly time: string } | null = null;

  constructor(options: LogsFetch) {
    this.#client = new PatientClient(options);
    this.#url = options.url;
    this.#headers = options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };
  }

  /** @returns The result, or why the node finds the range too large. @throws {SimulationError} */
  async call(
    method: string,
    params: readonly unknown[],
  ): Promise<{ readonly result: unknown; readonly tooLarge: string | null }> {
    const body = { jsonrpc: '2.0', id: ++this.#id, method, params };
    const answer = (await this.#client.post(this.#url, body, this.#headers)) as {
      readonly result?: unknown;
      readonly error?: { readonly code: number; readonly message: string };
    };
    const { error } = answer;
    if (error === undefined) return { result: answer.result, tooLarge: null };
    const isTooLarge =
      error.code === -32005 || /range|too many|limit|more than|exceed/i.test(error.message);
    if (isTooLarge && method === 'eth_getLogs') return { result: null, tooLarge: error.message };
    throw new SimulationError(`${this.#url.origin}: ${method}: ${error.message} (${error.code})`);
  }

  async timeOf(block: string): Promise<string> {
    if (this.#known?.block !== block) {
      const { result } = await this.call('eth_getBlockByNumber', [block, false]);
      const time = (result as { readonly timestamp?: string } | null)?.timestamp;
      if (time === undefined)
        throw new SimulationError(`${this.#url.origin}: has no block ${Number(block)}`);
      this.#known = { block, time };
    }
    return this.#known.time;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
