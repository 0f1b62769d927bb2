/**
 * Does the packet plane hold up the process that serves other frontends? How late the main thread's timers are
 * while the engine's thread goes over the connection table without a pause and is asked for the counters.
 *
 * Beside it, in turn: the same main thread while the engine has nothing to do. Needs root.
 *
 *     npm run bench:main-thread -w packages/l4
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { unmountBpfFilesystem } from '@balancer/ebpf';
import { EngineThread } from '../src/engine-thread.ts';
import { service, SETTINGS } from '../test/support/services.ts';
import { createHost, engineOptions, fillFlows, openFlows } from './host.ts';
import { median } from './scenarios.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const FLOWS = 100_000;
const ROUND_MS = 3000;
const SNAPSHOT_MS = 1000;
const NS_PER_MS = 1e6;

const folder = mkdtempSync(join(tmpdir(), 'balancer-l4-main-thread-'));
const namespace = createHost();
// A thread is in the namespace of the thread that starts it.
const engine = namespace.run(
  () => new EngineThread({ onFinding: fail, onFailure: fail, onEvent: () => {} }),
);

function fail(reason: string): never {
  throw new Error(reason);
}

/** Lateness of timers in ms while work goes on until it is told to stop. */
async function latenessDuring(work: (signal: AbortSignal) => Promise<void>): Promise<number[]> {
  const end = new AbortController();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const working = work(end.signal);
  delay.enable();
  await setTimeout(ROUND_MS);
  delay.disable();
  end.abort();
  await working;
  return [50, 99, 100].map((percentile) => delay.percentile(percentile) / NS_PER_MS);
}

let collections = 0;

async function collect(signal: AbortSignal): Promise<void> {
  let snapshotAt = performance.now();
  while (!signal.aborted) {
    // oxlint-disable no-await-in-loop -- one after the other
    const { entries } = await engine.call('collectNow');
    if (entries !== FLOWS) throw new Error(`${entries} flows were there`);
    collections++;
    if (performance.now() < snapshotAt) continue;
    snapshotAt += SNAPSHOT_MS;
    await engine.call('snapshot');
    // oxlint-enable no-await-in-loop
  }
}

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} rounds of ${ROUND_MS / 1000} s`,
);
try {
  await engine.call('open', engineOptions(folder));
  await engine.call('apply', { settings: SETTINGS, services: [service()] });
  const table = openFlows(folder);
  fillFlows(table, FLOWS);
  table.close();
  const idle: number[][] = [];
  const busy: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // oxlint-disable no-await-in-loop -- in turn
    idle.push(await latenessDuring(async () => {}));
    busy.push(await latenessDuring(collect));
    // oxlint-enable no-await-in-loop
  }
  for (const [i, name] of ['p50', 'p99', 'max'].entries()) {
    const [without, with_] = [idle, busy].map((rounds) => median(rounds.map((each) => each[i]!)));
    console.log(
      `${name}: ${with_!.toFixed(2)} ms while ${FLOWS} flows are collected, ${without!.toFixed(2)} ms without, x ${(with_! / without!).toFixed(2)}`,
    );
  }
  console.log(`${collections} collections in ${(ROUNDS * ROUND_MS) / 1000} s`);
} finally {
  await engine.call('detach');
  await engine.terminate();
  unmountBpfFilesystem(join(folder, 'bpf'));
  namespace.close();
  rmSync(folder, { recursive: true, force: true });
}
