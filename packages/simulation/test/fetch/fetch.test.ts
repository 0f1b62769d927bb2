import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchLogs, fetchSubgraph, importFile } from '@balancer/simulation';
import { PatientClient } from '../../src/fetch/patient.ts';
import { scratchFolder } from '../files.ts';

type Answer = { readonly status?: number; readonly body: unknown; readonly after?: string };
type Body = {
  readonly method: string;
  readonly params: readonly never[];
  readonly query: string;
  readonly variables: Record<string, string>;
};

/** A service in place of the network, and what it was asked. */
function service(answer: (body: Body, asked: number) => Answer) {
  const asked: Body[] = [];
  const waits: number[] = [];
  const fetch = (async (_url: unknown, init: RequestInit) => {
    const body = JSON.parse(init.body as string) as Body;
    asked.push(body);
    const { status = 200, body: text, after } = answer(body, asked.length);
    return new Response(JSON.stringify(text), {
      status,
      ...(after !== undefined && { headers: { 'retry-after': after } }),
    });
  }) as typeof globalThis.fetch;
  const wait = async (ms: number): Promise<void> => void waits.push(ms);
  return {
    asked,
    waits,
    common: {
      url: new URL('https://service.example/x'),
      rate: 1e6,
      fetch,
      wait,
      random: () => 0.5,
    },
  };
}

const POOL = `0x${'ab'.repeat(32)}`;
const TOKENS = [
  { address: '0xaa', symbol: 'WETH', decimals: 18, weight: '0.5' },
  { address: '0xbb', symbol: 'DAI', decimals: 18, weight: '0.5' },
];
const swap = (i: number) => ({
  id: `0x${String(i).padStart(6, '0')}`,
  caller: '0xcc',
  tokenIn: '0xaa',
  tokenInSym: 'WETH',
  tokenOut: '0xbb',
  tokenOutSym: 'DAI',
  tokenAmountIn: '1.5',
  tokenAmountOut: '3000',
  valueUSD: '3000',
  timestamp: 1000 + i,
  tx: `0x${i}`,
  poolId: { id: POOL },
  userAddress: { id: '0xdd' },
});
/** A subgraph with so many swaps. */
const subgraph =
  (count: number) =>
  ({ query, variables }: Body): Answer => {
    if (query.includes('pool(id'))
      return {
        body: {
          data: {
            pool: {
              poolType: 'Weighted',
              swapFee: '0.003',
              tokensList: ['0xaa', '0xbb'],
              tokens: TOKENS,
            },
          },
        },
      };
    const [, name] = /\{ (\w+)\(first/.exec(query)!;
    const all = name === 'swaps' ? Array.from({ length: count }, (_each, i) => swap(i)) : [];
    return {
      body: { data: { [name!]: all.filter(({ id }) => id > variables['after']!).slice(0, 1000) } },
    };
  };

describe('requests to others', () => {
  test('are made again after 429, 503 and broken connections, at growing intervals, not before the time that was asked for', async () => {
    const answers: Answer[] = [
      { status: 503, body: 'x' },
      { status: 429, body: 'x', after: '7' },
      { body: { ok: 1 } },
    ];
    const { common, waits } = service((_body, asked) => answers[asked - 1]!);
    expect(await new PatientClient(common).post(common.url, {})).toEqual({ ok: 1 });
    expect(waits.filter((ms) => ms > 1)).toEqual([250, 7000]);
  });

  test('give up on refusals at once, and on silence after seven times', async () => {
    const refusing = service(() => ({ status: 401, body: 'no such key' }));
    await expect(new PatientClient(refusing.common).post(refusing.common.url, {})).rejects.toThrow(
      'https://service.example: answers 401 "no such key"',
    );
    expect(refusing.asked).toHaveLength(1);
    const silent = service(() => {
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    });
    await expect(new PatientClient(silent.common).post(silent.common.url, {})).rejects.toThrow(
      'does not answer: connect ECONNREFUSED (asked 7 times)',
    );
  });

  test('are not more than so many a second', async () => {
    const { common, waits } = service(() => ({ body: {} }));
    const client = new PatientClient({ ...common, rate: 0.001 });
    await client.post(common.url, {});
    await client.post(common.url, {});
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(900_000);
  });
});

describe('a subgraph', () => {
  test('is read page by page after the last id, and what comes is imported as it is', async () => {
    const out = join(scratchFolder(), 'pool.json');
    const { common, asked } = service(subgraph(2500));
    expect(await fetchSubgraph({ ...common, pool: POOL, from: 0, to: 9999, out })).toBe(2500);
    const afters = asked
      .filter(({ query }) => query.includes('swaps('))
      .map(({ variables }) => variables['after']);
    expect(afters).toEqual(['', '0x000999', '0x001999']);
    expect(asked.every(({ query }) => !query.includes('skip'))).toBe(true);
    const { recording, problems } = await importFile(out, { format: 'subgraph-v2' });
    expect(problems.errors).toBe(0);
    expect(recording.actions).toHaveLength(2500);
    expect(recording.actions[0]).toMatchObject({
      kind: 'swap',
      tokens: ['WETH', 'DAI'],
      amounts: [1500000000000000000n, -3000000000000000000000n],
    });
  });

  test('is asked on after a break from where it broke off, also behind a line that was cut', async () => {
    const out = join(scratchFolder(), 'pool.json');
    const broken = service((body, count) =>
      count === 3 ? { status: 400, body: 'down' } : subgraph(2500)(body),
    );
    const options = { pool: POOL, from: 0, to: 9999, out };
    await expect(fetchSubgraph({ ...broken.common, ...options })).rejects.toThrow('answers 400');
    expect(existsSync(out)).toBe(false);
    appendFileSync(`${out}.part`, '{"next":{"kind":');
    const again = service(subgraph(2500));
    await fetchSubgraph({ ...again.common, ...options });
    expect(again.asked[0]!.variables['after']).toBe('0x000999');
    const whole = join(scratchFolder(), 'whole.json');
    await fetchSubgraph({ ...service(subgraph(2500)).common, ...options, out: whole });
    expect(readFileSync(out, 'utf8')).toBe(readFileSync(whole, 'utf8'));
    expect(existsSync(`${out}.part`)).toBe(false);
  });

  test('that answers with errors, knows no such pool, or meets the file of another fetch, is an error', async () => {
    const options = { pool: POOL, from: 0, to: 1, out: join(scratchFolder(), 'pool.json') };
    const wrong = service(() => ({ body: { errors: [{ message: 'bad indexers' }] } }));
    await expect(fetchSubgraph({ ...wrong.common, ...options })).rejects.toThrow(
      'https://service.example: bad indexers',
    );
    const none = service(() => ({ body: { data: { pool: null } } }));
    await expect(fetchSubgraph({ ...none.common, ...options })).rejects.toThrow(
      'knows no pool 0xabab',
    );
    await expect(fetchSubgraph({ ...none.common, ...options, to: 2 })).rejects.toThrow(
      'was begun by another fetch; delete it',
    );
  });
});

describe('logs of a node', () => {
  const log = (block: number) => ({
    address: '0xpool',
    topics: ['0x01'],
    data: '0x',
    blockNumber: `0x${block.toString(16)}`,
    transactionHash: `0x${block}`,
    logIndex: '0x0',
  });
  /** One log every hundred blocks; ranges of more than 500 blocks are too large. */
  const node = ({ method, params }: Body): Answer => {
    if (method === 'eth_getBlockByNumber')
      return { body: { result: { timestamp: `0x${(Number(params[0]) * 12).toString(16)}` } } };
    const [{ fromBlock, toBlock }] = params as unknown as [{ fromBlock: string; toBlock: string }];
    const [from, to] = [Number(fromBlock), Number(toBlock)];
    if (to - from >= 500)
      return { body: { error: { code: -32005, message: 'query returned more than 5 results' } } };
    const blocks = Array.from({ length: to - from + 1 }, (_each, i) => from + i);
    return { body: { result: blocks.filter((block) => block % 100 === 0).map(log) } };
  };

  test('come with the times of their blocks, in ranges that the node takes, each block once', async () => {
    const out = join(scratchFolder(), 'logs.json');
    const { common } = service(node);
    expect(await fetchLogs({ ...common, pool: '0xpool', fromBlock: 100, toBlock: 3000, out })).toBe(
      30,
    );
    const rows = JSON.parse(readFileSync(out, 'utf8')) as {
      blockNumber: string;
      timeStamp: string;
    }[];
    expect(rows.map(({ blockNumber }) => Number(blockNumber))).toEqual(
      Array.from({ length: 30 }, (_each, i) => (i + 1) * 100),
    );
    expect(
      rows.every(({ blockNumber, timeStamp }) => Number(timeStamp) === Number(blockNumber) * 12),
    ).toBe(true);
  });

  test('go on from the last block after a break; other errors of the node stop at once', async () => {
    const out = join(scratchFolder(), 'logs.json');
    const options = { pool: '0xpool', fromBlock: 100, toBlock: 3000, out };
    const breaking = service((body, asked) =>
      asked > 12 ? { body: { error: { code: -1, message: 'gone' } } } : node(body),
    );
    await expect(fetchLogs({ ...breaking.common, ...options })).rejects.toThrow(
      'https://service.example: eth_',
    );
    const again = service(node);
    expect(await fetchLogs({ ...again.common, ...options })).toBe(30);
    const [first] = again.asked[0]!.params as unknown as [{ fromBlock: string }];
    expect(Number(first.fromBlock)).toBeGreaterThan(100);
  });

  test('that cannot be written are an error with the file', async () => {
    const file = join(scratchFolder(), 'file');
    writeFileSync(file, '');
    const { common } = service(node);
    await expect(
      fetchLogs({ ...common, pool: '0x', fromBlock: 1, toBlock: 2, out: join(file, 'x') }),
    ).rejects.toThrow('cannot be written');
  });
});
