/**
 * Compares the engine with deployed bytecode for as long as it is told to:
 *
 *   npm run differential -w packages/pools                     at least 100 000 steps
 *   npm run differential -w packages/pools -- --steps 5000 --seed 40
 *   npm run differential -w packages/pools -- --processes 2    the same worlds over two processes
 *   npm run differential -w packages/pools -- --from 800       goes on at world 800 of the same seed
 *
 * Prints one line per ten seconds and a table at the end; exits 1 when a difference was found.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Campaign, type WorldReport } from './campaign.ts';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '100000' },
    seed: { type: 'string', default: process.env['BALANCER_SEED'] ?? '0' },
    from: { type: 'string', default: '0' },
    processes: { type: 'string', default: '1' },
    worker: { type: 'string' },
  },
});
const seed = Number(values.seed);
const processes = Number(values.processes);

/** A report as it travels between processes. */
interface Message extends Omit<WorldReport, 'difference'> {
  readonly index: number;
  readonly difference: string | undefined;
}

async function* reports(first: number, stride: number): AsyncGenerator<Message> {
  const campaign = await Campaign.create();
  for (let index = first; ; index += stride) {
    // oxlint-disable-next-line no-await-in-loop -- one chain runs one world after the other
    const { difference, ...report } = await campaign.run(seed + index);
    yield { ...report, index, difference: difference?.message };
  }
}

class Tally {
  steps = 0;
  quotes = 0;
  reverts = 0;
  worlds = 0;
  lastIndex = -1;
  readonly differences: Message[] = [];
  readonly byKind = new Map<
    string,
    { worlds: number; steps: number; quotes: number; reverts: number }
  >();
  private readonly start = performance.now();
  private printed = this.start;

  add(report: Message): void {
    this.steps += report.steps;
    this.quotes += report.quotes;
    this.reverts += report.reverts;
    this.worlds++;
    this.lastIndex = Math.max(this.lastIndex, report.index);
    const kind = this.byKind.get(report.kinds) ?? { worlds: 0, steps: 0, quotes: 0, reverts: 0 };
    kind.worlds++;
    kind.steps += report.steps;
    kind.quotes += report.quotes;
    kind.reverts += report.reverts;
    this.byKind.set(report.kinds, kind);
    if (report.difference !== undefined) {
      this.differences.push(report);
      console.error(
        `difference in world ${report.index} (BALANCER_SEED=${report.seed}, ${report.kinds}):\n` +
          `${report.difference}\n`,
      );
    }
    if (performance.now() - this.printed > 10_000) {
      this.printed = performance.now();
      console.log(this.line());
    }
  }

  /** Everything that was compared. */
  compared(): number {
    return this.steps + this.quotes;
  }

  line(): string {
    const seconds = (performance.now() - this.start) / 1000;
    return (
      `steps compared ${this.compared()} (${this.steps} with the whole state, ${this.quotes} quotes), ` +
      `reverts compared ${this.reverts}, worlds ${this.worlds}, differences ${this.differences.length}, ${Math.round(this.compared() / seconds)} steps/s, ` +
      `next --from ${this.lastIndex + 1}`
    );
  }

  table(): string {
    const rows = [...this.byKind].map(
      ([kinds, { worlds, steps, quotes, reverts }]) =>
        kinds.padEnd(36) +
        [worlds, steps, quotes, reverts].map((count) => String(count).padStart(9)).join(''),
    );
    const columns = ['worlds', 'steps', 'quotes', 'reverts'].map((name) => name.padStart(9));
    return ['pools'.padEnd(36) + columns.join(''), ...rows].join('\n');
  }
}

async function runHere(tally: Tally, target: number): Promise<void> {
  for await (const report of reports(Number(values.from), 1)) {
    tally.add(report);
    if (tally.compared() >= target) return;
  }
}

/** Worlds are dealt out in turn, so that a range of them is done when every process is past it. */
async function runInProcesses(tally: Tally, target: number): Promise<void> {
  const workers = Array.from({ length: processes }, (_, worker) =>
    fork(fileURLToPath(import.meta.url), [
      `--worker=${worker}`,
      `--processes=${processes}`,
      `--seed=${seed}`,
      `--from=${values.from}`,
    ]),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      for (const worker of workers) {
        worker.on('message', (report: Message) => {
          if (tally.compared() >= target) return;
          tally.add(report);
          if (tally.compared() >= target) resolve();
        });
        worker.on('exit', (code) => reject(new Error(`a worker ended with code ${code}`)));
      }
    });
  } finally {
    for (const worker of workers) {
      worker.removeAllListeners();
      worker.kill();
    }
  }
}

async function runAsWorker(worker: number): Promise<void> {
  for await (const report of reports(Number(values.from) + worker, processes)) {
    if (!process.connected) return;
    process.send!(report);
  }
}

if (values.worker !== undefined) {
  await runAsWorker(Number(values.worker));
} else {
  const tally = new Tally();
  const target = Number(values.steps);
  await (processes > 1 ? runInProcesses(tally, target) : runHere(tally, target));
  console.log(tally.line());
  console.log(tally.table());
  process.exitCode = tally.differences.length > 0 ? 1 : 0;
}
