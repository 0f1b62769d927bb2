/**
 * What a join costs, and what memory a gateway of 200 servers and 5,000 meetings takes. Floor: a
 * `getRecordings` without a checksum, which is the way through HTTP, the log and the metrics without
 * any storage.
 *
 * @module
 */
import { FakeBbb } from '@balancer/fake-bbb';
import { BenchGateway, CONNECTIONS, median, quantile, tell } from './bench-gateway.ts';

const SERVER_COUNT = 200;
const RECORD_COUNT = 5000;
const ROUNDS = 3;
const CREATE_COUNT = 400;
/** At which a join must still be quick. */
const OFFERED_PER_SECOND = 500;
/** Has the runtime collect earlier, at some cost in processor time. */
const SMALL = ['--optimize-for-size'];

interface Round {
  readonly perSecond: number;
  /** Processor time of the gateway per call. */
  readonly cpuMicros: number;
  readonly p99Ms: number;
}

export async function benchJoins(isShort: boolean): Promise<void> {
  const roundMs = isShort ? 700 : 3000;
  const fakes = await Promise.all(
    Array.from({ length: 10 }, async () => FakeBbb.start({ secret: 'fake' })),
  );
  const servers = Array.from({ length: SERVER_COUNT }, (_, i) => ({
    url: fakes[i % fakes.length]!.url,
    secret: 'fake',
  }));
  try {
    await measure(servers, roundMs, []);
    await measure(servers, roundMs, SMALL);
  } finally {
    await Promise.all(fakes.map(async (fake) => fake.close()));
  }
}

async function measure(
  servers: readonly { readonly url: string; readonly secret: string }[],
  roundMs: number,
  nodeOptions: readonly string[],
): Promise<void> {
  if (nodeOptions.length > 0) process.stdout.write(`with node ${nodeOptions.join(' ')}:\n`);
  const setup = { servers, recordCount: RECORD_COUNT };
  const gateway = await BenchGateway.start(setup, { nodeOptions });
  try {
    const filledMiB = await gateway.memoryMiB();
    const joins = Array.from({ length: RECORD_COUNT }, (_, i) =>
      gateway.path('join', `meetingID=record-${i}&fullName=Ada&role=VIEWER`),
    );
    let next = 0;
    const nextJoin = (): string => joins[next++ % joins.length]!;
    const floor: Round[] = [];
    const join: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(await hammer(gateway, roundMs, () => '/bigbluebutton/api/getRecordings', 200));
      join.push(await hammer(gateway, roundMs, nextJoin, 302));
    }
    report(`floor: answered without storage`, floor, '');
    report(`join, ${CONNECTIONS} connections at once`, join, 'at least 500, 3,000 wished for');
    const offered = await offer(gateway, roundMs, nextJoin);
    tell(
      `join, ${OFFERED_PER_SECOND} offered a second`,
      `p50 ${median(offered).toFixed(1)} ms, p99 ${quantile(offered, 0.99).toFixed(1)} ms`,
      'p99 of at most 50 ms',
    );
    await creates(gateway);
    const { summary } = await gateway.ask<{ summary: { durationMs: number } }>('poll');
    tell(`poll round, ${SERVER_COUNT} servers`, `${(summary.durationMs / 1000).toFixed(2)} s`);
    const afterMiB = await gateway.memoryMiB();
    tell(
      `resident memory, ${SERVER_COUNT} servers, ${RECORD_COUNT} meetings`,
      `${filledMiB.toFixed(0)} MiB filled, ${afterMiB.toFixed(0)} MiB after all of the above`,
      'under 200 MB',
    );
  } finally {
    await gateway.close();
  }
}

/** Asks over all connections for a while, each as soon as it has its answer. */
async function hammer(
  gateway: BenchGateway,
  roundMs: number,
  path: () => string,
  status: number,
): Promise<Round> {
  const timesMs: number[] = [];
  const cpuBefore = await gateway.cpuMicros();
  const startMs = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - startMs < roundMs) {
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
  return { perSecond, cpuMicros, p99Ms: quantile(timesMs, 0.99) };
}

/**
 * Asks at a fixed rate, whether answers have come or not: the waits that people see at that rate, also
 * those that a stall of the gateway makes for everybody after it.
 *
 * @returns Milliseconds from when each was due.
 */
async function offer(
  gateway: BenchGateway,
  roundMs: number,
  path: () => string,
): Promise<number[]> {
  const timesMs: number[] = [];
  const open: Promise<void>[] = [];
  const startMs = performance.now();
  const count = Math.floor((roundMs / 1000) * OFFERED_PER_SECOND) * ROUNDS;
  const ask = async (dueMs: number): Promise<void> => {
    const { body } = await gateway.pool.request({ method: 'GET', path: path() });
    await body.dump();
    timesMs.push(performance.now() - dueMs);
  };
  for (let i = 0; i < count; i++) {
    const dueMs = startMs + (i * 1000) / OFFERED_PER_SECOND;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    open.push(ask(dueMs));
  }
  await Promise.all(open);
  return timesMs;
}

async function creates(gateway: BenchGateway): Promise<void> {
  const cpuBefore = await gateway.cpuMicros();
  const startMs = performance.now();
  const results = await Promise.all(
    Array.from({ length: CREATE_COUNT }, async (_, i) => {
      const { text } = await gateway.get(gateway.path('create', `name=x&meetingID=create-${i}`));
      return text.includes('SUCCESS');
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  const cpuMicros = ((await gateway.cpuMicros()) - cpuBefore) / CREATE_COUNT;
  const failures = results.filter((isSuccess) => !isSuccess).length;
  const figure = `${(CREATE_COUNT / seconds).toFixed(0)}/s, ${cpuMicros.toFixed(0)} us CPU each`;
  tell(`create, ${CREATE_COUNT} at once`, `${figure}, ${failures} failed`);
}

function report(name: string, rounds: readonly Round[], aim: string): void {
  const perSecond = median(rounds.map((round) => round.perSecond));
  const p99Ms = median(rounds.map((round) => round.p99Ms));
  const cpuMicros = median(rounds.map((round) => round.cpuMicros));
  const raw = rounds.map((round) => Math.round(round.perSecond)).join(' ');
  const figure = `${perSecond.toFixed(0)}/s, ${cpuMicros.toFixed(0)} us CPU each, p99 ${p99Ms.toFixed(1)} ms, rounds ${raw}`;
  tell(name, figure, aim);
}
