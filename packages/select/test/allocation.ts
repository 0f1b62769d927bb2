/**
 * Counts garbage collections over a long loop of calls, in a process of its own, where the young
 * generation is as small as it gets: what is collected was allocated.
 *
 * Run by `zero.alloc.test.ts`, once per case: with several policies in one process their call sites
 * would be polymorphic, and the proof would be of another program than the one people run.
 *
 * @module
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { Balancer, hash, Node, policies, type NodeLike, type Policy } from '../src/index.ts';
import { OwnNode } from './support.ts';

/** A proof that finds nothing proves nothing unless it can find something. */
const CONTROL_CALLS = 10_000_000;
const WARM_UP_BLOCKS = 3;
/** Between two looks at the time, each of which costs a heap number. */
const CALLS_PER_BLOCK = 100_000;

/** How long is long: the full definition, and a short form that still sees 2 bytes per call. */
const EXTENT =
  process.env.BALANCER_TEST_LONG === undefined
    ? { callsMin: 100_000, callsMax: 1_000_000, budgetMs: 100, counts: [10] }
    : {
        callsMin: 300_000,
        callsMax: 10_000_000,
        budgetMs: 2000,
        counts: [1, 10, 1000],
      };

const ASCII = ['127.0.0.1', 'user:42', 'a', '', 'https://example.com/some/longer/path?x=1'];
const WIDE = ['clé', 'πππππ', 'ключ-17', '\u{1F600}x', '漢字'];

/** When each collection began, on the clock of `performance.now()`. */
const collectionTimes: number[] = [];

export interface AllocationResult {
  readonly name: string;
  readonly calls: number;
  readonly collections: number;
}

/** Everything whose calls must not allocate, by name. */
const policiesByName: Record<string, () => Policy> = {
  roundRobin: () => policies.roundRobin(),
  weightedRoundRobin: () => policies.weightedRoundRobin(),
  hash: () => policies.hash(),
  moduloHash: () => policies.moduloHash(),
  leastConnection: () => policies.leastConnection(),
  leastTime: () => policies.leastTime(),
  random: () => policies.random(),
  p2c: () => policies.p2c(),
  peakEwma: () => policies.peakEwma(),
  maglev: () => policies.maglev(),
  rendezvous: () => policies.rendezvous(),
  boundedHash: () => policies.boundedHash(),
  sticky: () => policies.sticky({ inner: policies.leastConnection() }),
  first: () => policies.first(),
  aperture: () => policies.aperture({ index: 0, peers: 3, min: 4 }),
};

export const POLICY_NAMES: readonly string[] = Object.keys(policiesByName);
export const OTHER_NAMES: readonly string[] = ['hash functions', 'begin and end'];

async function measureNamed(name: string): Promise<AllocationResult[]> {
  if (name === 'controls') return [await controlObject(), await controlNumber()];
  if (name === 'hash functions')
    return [...(await measureHashes(ASCII)), ...(await measureHashes(WIDE))];
  if (name === 'begin and end') return [await measureJobs()];
  const results: AllocationResult[] = [];
  for (const kind of ['built-in', 'own'] as const) {
    for (const count of EXTENT.counts) {
      for (const isHalfDown of [false, true]) {
        for (const keys of [ASCII, WIDE]) {
          results.push(await measurePolicy(name, { kind, count, isHalfDown, keys }));
        }
      }
    }
  }
  return results;
}

async function measurePolicy(
  name: string,
  pool: { kind: 'built-in' | 'own'; count: number; isHalfDown: boolean; keys: readonly string[] },
): Promise<AllocationResult> {
  const { kind, count, isHalfDown, keys } = pool;
  const nodes: NodeLike[] = Array.from({ length: count }, (_, i) => {
    const node = kind === 'own' ? new OwnNode(`node-${i}`) : new Node(`node-${i}`);
    node.healthy = !isHalfDown || i % 2 === 0;
    return node;
  });
  const balancer = new Balancer({ policy: policiesByName[name]!(), nodes, seed: 1 });
  let at = 0;
  let sink: NodeLike | null = null;
  const title = `${name}, ${count} ${kind} nodes${isHalfDown ? ', half down' : ''}, ${keys === ASCII ? 'ASCII' : 'wide'} keys`;
  const result = await measure(title, () => {
    sink = balancer.next(keys[at]);
    at = at + 1 === keys.length ? 0 : at + 1;
  });
  if (sink === null) throw new Error(`${title}: picked nothing`);
  balancer.destroy();
  return result;
}

async function measureHashes(keys: readonly string[]): Promise<AllocationResult[]> {
  const suffix = keys === ASCII ? 'ASCII keys' : 'wide keys';
  const sink = new Uint32Array(1);
  let at = 0;
  const next = (): string => keys[(at = at + 1 === keys.length ? 0 : at + 1)]!;
  return [
    await measure(`murmur3, ${suffix}`, () => void (sink[0] = hash.murmur3(next(), 7))),
    await measure(`fnv1a32, ${suffix}`, () => void (sink[0] = hash.fnv1a32(next()))),
    await measure(`fnv1_32, ${suffix}`, () => void (sink[0] = hash.fnv1_32(next()))),
  ];
}

function measureJobs(): Promise<AllocationResult> {
  const nodes = Array.from({ length: 10 }, (_, i) => new Node(`node-${i}`));
  const balancer = new Balancer({ policy: policies.leastConnection(), nodes, clock: 'coarse' });
  return measure('begin and end with the coarse clock', () => {
    const node = balancer.next()!;
    node.end(node.begin(), true);
  });
}

function controlObject(): Promise<AllocationResult> {
  const kept: unknown[] = [undefined];
  let i = 0;
  return measure(
    'control: a fresh object',
    () => {
      kept[0] = { x: i++ };
    },
    CONTROL_CALLS,
  );
}

function controlNumber(): Promise<AllocationResult> {
  const kept: unknown[] = [undefined];
  let i = 0;
  return measure(
    'control: a fresh number',
    () => {
      kept[0] = i++ + 0.5;
    },
    CONTROL_CALLS,
  );
}

/** Warms up, then calls `fn` as often as the definition wants. */
async function measure(name: string, fn: () => void, exactly = 0): Promise<AllocationResult> {
  for (let block = 0; block < WARM_UP_BLOCKS; block++) callBlock(fn);
  // From an empty young generation: what the warm-up left must not be what fills it up.
  await collect();
  let calls = 0;
  const startedAt = performance.now();
  const wanted = exactly > 0 ? exactly : EXTENT.callsMax;
  while (calls < wanted) {
    callBlock(fn);
    calls += CALLS_PER_BLOCK;
    const isOverBudget = exactly === 0 && performance.now() - startedAt > EXTENT.budgetMs;
    if (isOverBudget && calls >= EXTENT.callsMin) break;
  }
  const endedAt = performance.now();
  await collect();
  const isInside = (time: number): boolean => time >= startedAt && time < endedAt;
  return { name, calls, collections: collectionTimes.filter(isInside).length };
}

/**
 * One and the same loop for the warm-up and the measurement: compiled code of a loop that runs for the
 * first time is thrown away at its end, and what the interpreter then boxes would be counted.
 */
function callBlock(fn: () => void): void {
  for (let i = 0; i < CALLS_PER_BLOCK; i++) fn();
}

/**
 * Collects everything, and waits until that has been reported: reports come in order on later turns
 * of the event loop, so that all earlier collections are known then, too.
 */
async function collect(): Promise<void> {
  const askedAt = performance.now();
  globalThis.gc!();
  while (!((collectionTimes.at(-1) ?? 0) >= askedAt)) {
    // oxlint-disable-next-line no-await-in-loop -- until the report is here
    await new Promise((resolve) => setImmediate(resolve));
  }
}

if (process.argv[2] === '--measure') {
  const observer = new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) collectionTimes.push(startTime);
  });
  observer.observe({ entryTypes: ['gc'] });
  process.stdout.write(JSON.stringify(await measureNamed(process.argv[3]!)));
}
