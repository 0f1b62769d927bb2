/**
 * Times one loop: nanoseconds per pick in several runs, collections of the garbage collector during
 * them, and bytes allocated per pick.
 *
 * @module
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { do_not_optimize as keepAlive } from 'mitata';
import type { Loop } from './subjects.ts';

export interface Effort {
  readonly runs: number;
  readonly picksPerRun: number;
}

export interface Measurement {
  /** Nanoseconds per pick of each run, by the wall clock. */
  readonly runsNs: readonly number[];
  /** The same by the CPU time of the process: less than the wall clock when others were running. */
  readonly cpuRunsNs: readonly number[];
  readonly picks: number;
  readonly gcEvents: number;
  readonly bytesPerPick: number;
}

const WARM_UP_ROUNDS = 60;
const WARM_UP_PICKS = 10_000;
const WARM_UP_MS_MAX = 500;
/** A run of a slow subject is cut to about so long. */
const RUN_MS_MAX = 1000;
const SAMPLE_PICKS = 2000;
const SAMPLES = 9;

/** Lets V8 see the loop's types and compile it; stops early for slow subjects. */
export function warmUp(loop: Loop): void {
  let spentMs = 0;
  for (let round = 0; round < WARM_UP_ROUNDS && spentMs < WARM_UP_MS_MAX; round++) {
    spentMs += timeMs(loop, WARM_UP_PICKS);
  }
}

/** Times a loop that is warm. */
export async function measure(loop: Loop, { runs, picksPerRun }: Effort): Promise<Measurement> {
  const picksPerMs = WARM_UP_PICKS / timeMs(loop, WARM_UP_PICKS);
  const picks = Math.round(Math.min(picksPerRun, Math.max(1000, picksPerMs * RUN_MS_MAX)));

  globalThis.gc?.();
  const collections = new CollectionCount();
  const runsNs: number[] = [];
  const cpuRunsNs: number[] = [];
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    runsNs.push((timeMs(loop, picks) * 1e6) / picks);
    const { user, system } = process.cpuUsage(before);
    cpuRunsNs.push(((user + system) * 1e3) / picks);
  }
  const gcEvents = await collections.stop();
  return { runsNs, cpuRunsNs, picks, gcEvents, bytesPerPick: bytesPerPick(loop) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function timeMs(loop: Loop, picks: number): number {
  const startedAt = performance.now();
  keepAlive(loop(picks));
  return performance.now() - startedAt;
}

/** Heap growth per pick, in samples so short that mostly no collection falls into them. */
function bytesPerPick(loop: Loop): number {
  const growths = Array.from({ length: SAMPLES }, () => {
    const idle = heapGrowth(() => undefined);
    return heapGrowth(() => keepAlive(loop(SAMPLE_PICKS))) - idle;
  });
  return Math.max(0, median(growths) / SAMPLE_PICKS);
}

function heapGrowth(action: () => void): number {
  const before = process.memoryUsage().heapUsed;
  action();
  return process.memoryUsage().heapUsed - before;
}

/** Counts collections from its construction until `stop`. */
class CollectionCount {
  #count = 0;
  readonly #observer = new PerformanceObserver((list) => {
    this.#count += list.getEntries().length;
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Entries arrive a turn of the event loop later. */
  async stop(): Promise<number> {
    await delay(20);
    this.#observer.disconnect();
    return this.#count;
  }
}
