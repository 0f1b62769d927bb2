/**
 * What does a join, a create and a start of the gateway cost? Floors: a `getMeetings` of a gateway
 * that hides them, which is the way through HTTP, the log and the metrics without any storage; and the
 * 500 joins a second that a site of 200 servers needs.
 *
 *     npm run bench -w packages/bbb
 *
 * One gateway process, of the built packages, on embedded storage, 200 servers, 5000 meetings; the load comes from this
 * process over 64 connections. Rounds alternate; medians and all rounds are printed.
 *
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { Pool } from 'undici';

/** What the parent asks for, as JSON in the first argument. */
export interface BenchSetup {
  readonly secret: string;
  /** Servers that are there and online from the start. */
  readonly servers: readonly { readonly url: string; readonly secret: string }[];
  /** Records spread over them. */
  readonly recordCount: number;
}

const SECRET = 'bench-secret';
const SERVER_COUNT = 200;
const RECORD_COUNT = 5000;
const CONNECTIONS = 64;
const ROUNDS = 3;
const ROUND_MS = 3000;
const CREATE_COUNT = 400;

interface Round {
  readonly perSecond: number;
  /** Processor time of the gateway per call. */
  readonly cpuMicros: number;
  readonly p99Ms: number;
}

class BenchGateway {
  readonly #child: ChildProcess;
  readonly pool: Pool;
  readonly readyMs: number;

  private constructor(child: ChildProcess, port: number, readyMs: number) {
    this.#child = child;
    this.readyMs = readyMs;
    this.pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS });
  }

  static async start(setup: BenchSetup): Promise<BenchGateway> {
    const file = fileURLToPath(new URL('gateway-process.mjs', import.meta.url));
    const child = fork(file, [JSON.stringify(setup)], { execArgv: [] });
    const [ready] = (await once(child, 'message')) as [{ publicPort: number; readyMs: number }];
    return new BenchGateway(child, ready.publicPort, ready.readyMs);
  }

  async ask<T>(question: string): Promise<T> {
    this.#child.send(question);
    const [answer] = (await once(this.#child, 'message')) as [T];
    return answer;
  }

  /** Processor time that the gateway has used so far. */
  async cpuMicros(): Promise<number> {
    const { cpu } = await this.ask<{ cpu: NodeJS.CpuUsage }>('usage');
    return cpu.user + cpu.system;
  }

  /** The path of a signed call. */
  path(call: string, query: string): string {
    return `/bigbluebutton/api/${call}?${signedQuery({ call, query, secret: SECRET })}`;
  }

  async close(): Promise<void> {
    await this.pool.destroy();
    const exited = once(this.#child, 'exit');
    this.#child.send('close');
    await exited;
  }
}

/** Asks over all connections for a while. */
async function hammer(gateway: BenchGateway, path: () => string, status: number): Promise<Round> {
  const timesMs: number[] = [];
  const cpuBefore = await gateway.cpuMicros();
  const startMs = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - startMs < ROUND_MS) {
      const askedMs = performance.now();
      const { statusCode, body } = await gateway.pool.request({ method: 'GET', path: path() });
      await body.dump();
      if (statusCode !== status) throw new Error(`HTTP ${statusCode} instead of ${status}`);
      timesMs.push(performance.now() - askedMs);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const perSecond = timesMs.length / ((performance.now() - startMs) / 1000);
  const cpuMicros = ((await gateway.cpuMicros()) - cpuBefore) / timesMs.length;
  timesMs.sort((a, b) => a - b);
  return { perSecond, cpuMicros, p99Ms: timesMs[Math.floor(timesMs.length * 0.99)]! };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function report(name: string, rounds: readonly Round[]): void {
  const perSecond = median(rounds.map((round) => round.perSecond));
  const p99Ms = median(rounds.map((round) => round.p99Ms));
  const cpuMicros = median(rounds.map((round) => round.cpuMicros));
  const raw = rounds.map((round) => Math.round(round.perSecond)).join(' ');
  process.stdout.write(
    `${name.padEnd(24)} ${perSecond.toFixed(0).padStart(6)}/s   ${cpuMicros.toFixed(0).padStart(5)} us CPU   p99 ${p99Ms.toFixed(1)} ms   (${raw})\n`,
  );
}

const fakes = await Promise.all(
  Array.from({ length: 10 }, async () => FakeBbb.start({ secret: 'fake' })),
);
const servers = Array.from({ length: SERVER_COUNT }, (_, i) => ({
  url: fakes[i % fakes.length]!.url,
  secret: 'fake',
}));
const gateway = await BenchGateway.start({ secret: SECRET, servers, recordCount: RECORD_COUNT });
try {
  process.stdout.write(`${cpus().length} x ${cpus()[0]!.model}, Node ${process.versions.node}\n`);
  const idle = await gateway.ask<{ memoryMiB: number }>('usage');
  const joins = Array.from({ length: RECORD_COUNT }, (_, i) =>
    gateway.path('join', `meetingID=record-${i}&fullName=Ada&role=VIEWER`),
  );
  let next = 0;
  const floor: Round[] = [];
  const join: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    floor.push(await hammer(gateway, () => '/bigbluebutton/api/getRecordings', 200));
    join.push(await hammer(gateway, () => joins[next++ % joins.length]!, 302));
  }
  report('floor: no storage', floor);
  report('join', join);

  const cpuBefore = await gateway.cpuMicros();
  const startMs = performance.now();
  const results = await Promise.all(
    Array.from({ length: CREATE_COUNT }, async (_, i) => {
      const path = gateway.path('create', `name=x&meetingID=create-${i}`);
      const { body } = await gateway.pool.request({ method: 'GET', path });
      return (await body.text()).includes('SUCCESS');
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  const cpuMicros = ((await gateway.cpuMicros()) - cpuBefore) / CREATE_COUNT;
  const failures = results.filter((isSuccess) => !isSuccess).length;
  process.stdout.write(
    `create                   ${(CREATE_COUNT / seconds).toFixed(0).padStart(6)}/s   ${cpuMicros.toFixed(0).padStart(5)} us CPU   ${failures} of ${CREATE_COUNT} failed\n`,
  );
  const { summary } = await gateway.ask<{ summary: { durationMs: number } }>('poll');
  process.stdout.write(`poll of 200 servers      ${(summary.durationMs / 1000).toFixed(2)} s\n`);
  const { memoryMiB } = await gateway.ask<{ memoryMiB: number }>('usage');
  process.stdout.write(
    `resident memory          ${idle.memoryMiB.toFixed(0)} MiB filled, ${memoryMiB.toFixed(0)} MiB after all of it\n`,
  );
  process.stdout.write(`open to listening        ${gateway.readyMs.toFixed(0)} ms\n`);
} finally {
  await gateway.close();
  await Promise.all(fakes.map((fake) => fake.close()));
}
