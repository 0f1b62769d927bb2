/**
 * Pages of a V2 subgraph. Paging is by id: skipping gets slow and is cut off after some thousands, and
 * rows that come in the meantime would shift the pages.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { Journal } from './journal.ts';
import { PatientClient, type PatientOptions } from './patient.ts';

export interface SubgraphFetch extends PatientOptions {
  readonly url: URL;
  /** Sent as a bearer token. */
  readonly key?: string;
  /** Pool id, 32 bytes as hex. */
  readonly pool: string;
  /** Unix seconds, from (included) to (excluded). */
  readonly from: number;
  readonly to: number;
  readonly out: string;
  readonly onProgress?: (rows: number) => void;
}

const PAGE_ROWS = 1000;
/** Kinds of rows: how they are filtered, and which fields the importer reads. */
const KINDS = [
  {
    name: 'swaps',
    filter: 'poolId: $pool, timestamp_gte: $from, timestamp_lt: $to',
    fields:
      'id caller tokenIn tokenInSym tokenOut tokenOutSym tokenAmountIn tokenAmountOut valueUSD poolId { id } userAddress { id } timestamp tx',
  },
  {
    name: 'joinExits',
    filter: 'pool: $pool, timestamp_gte: $from, timestamp_lt: $to',
    fields: 'id type sender amounts valueUSD pool { id } user { id } timestamp tx',
  },
  {
    name: 'gradualWeightUpdates',
    filter: 'poolId: $pool, startTimestamp_gte: $from, startTimestamp_lt: $to',
    fields: 'id scheduledTimestamp startTimestamp endTimestamp startWeights endWeights',
  },
  {
    name: 'ampUpdates',
    filter: 'poolId: $pool, startTimestamp_gte: $from, startTimestamp_lt: $to',
    fields: 'id scheduledTimestamp startTimestamp endTimestamp startAmp endAmp',
  },
  {
    // From the beginning: the last one before the first row is what the pool starts from.
    name: 'poolSnapshots',
    filter: 'pool: $pool, timestamp_gte: $from, timestamp_lt: $to',
    fields: 'id amounts totalShares timestamp',
    isFromStart: true,
  },
] as const;
// Balances would be those of now, not of the start: those of the start come from a snapshot.
const POOL =
  'query ($pool: ID!) { pool(id: $pool) { id address poolType swapFee totalShares amp totalWeight tokensList tokens { address symbol decimals weight } } }';

/** Fetches what there is; a second call with the same options goes on after a break. @returns Rows. */
export async function fetchSubgraph(options: SubgraphFetch): Promise<number> {
  const { url, key, pool, from, to, out, signal, onProgress } = options;
  const client = new PatientClient(options);
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const ask = async (
    query: string,
    variables: unknown,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const answer = (await client.post(url, { query, variables }, headers)) as {
      readonly data?: Readonly<Record<string, unknown>> | null;
      readonly errors?: readonly { readonly message: string }[];
    };
    if (answer.data !== undefined && answer.data !== null && !answer.errors) return answer.data;
    const messages = (answer.errors ?? []).map(({ message }) => message).join('; ');
    throw new SimulationError(`${url.origin}: ${messages || 'answers without data'}`);
  };
  const journal = new Journal<{ readonly kind: number; readonly after: string }>(out, {
    fetch: 'subgraph-v2',
    pool,
    from,
    to,
  });
  let rows = 0;
  if (journal.next === null) {
    const data = await ask(POOL, { pool });
    if (data['pool'] === null)
      throw new SimulationError(`${url.origin}: knows no pool ${pool}; give its 32-byte id`);
    journal.add([{ data }], { kind: 0, after: '' });
  }
  while (journal.next!.kind < KINDS.length) {
    signal?.throwIfAborted();
    const { kind, after } = journal.next!;
    const { name, filter, fields, ...rest } = KINDS[kind]!;
    const since = 'isFromStart' in rest ? 0 : from;
    const query = `query ($pool: String!, $from: Int!, $to: Int!, $after: String!) { ${name}(first: ${PAGE_ROWS}, orderBy: id, orderDirection: asc, where: { ${filter}, id_gt: $after }) { ${fields} } }`;
    const data = await ask(query, { pool, from: since, to, after });
    const page = (data[name] ?? []) as readonly { readonly id: string }[];
    rows += page.length;
    const isLast = page.length < PAGE_ROWS;
    journal.add(
      page.length === 0 ? [] : [{ data: { [name]: flattened(page) } }],
      isLast ? { kind: kind + 1, after: '' } : { kind, after: page.at(-1)!.id },
    );
    onProgress?.(rows);
  }
  journal.finish();
  return rows;
}

/** `{ poolId: { id } }` as `{ poolId: id }`; of `pool` the importer wants the object. */
function flattened(rows: readonly object[]): object[] {
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        name !== 'pool' && typeof value === 'object' && value !== null && 'id' in value
          ? (value as { readonly id: unknown }).id
          : (value as unknown),
      ]),
    ),
  );
}
