/**
 * Do creates that come all at once spread evenly: over the servers of one process, of two processes on
 * PostgreSQL and Redis, and in a storm that lasts?
 *
 * @module
 */
import { FakeBbb } from '@balancer/fake-bbb';
import { BenchGateway, tell } from './bench-gateway.ts';
import type { ScaledOut } from './scaled-out.ts';

const AT_ONCE = 100;
const STORM_PER_SECOND = 200;

export async function benchCreates(isShort: boolean, scaledOut: ScaledOut | null): Promise<void> {
  await withFakes(10, async (servers) => {
    const gateway = await BenchGateway.start({ servers, recordCount: 0 });
    try {
      await atOnce('one process, embedded', [gateway]);
    } finally {
      await gateway.close();
    }
  });
  if (scaledOut !== null) {
    await withFakes(10, async (servers) => {
      const { config } = scaledOut;
      const first = await BenchGateway.start({ servers, recordCount: 0, config });
      // The servers are in the database by now.
      const second = await BenchGateway.start({ servers: [], recordCount: 0, config });
      try {
        await atOnce('two processes, PostgreSQL and Redis', [first, second]);
      } finally {
        await second.close();
        await first.close();
        await scaledOut.empty();
      }
    });
  }
  await withFakes(20, async (servers) => {
    const gateway = await BenchGateway.start({ servers, recordCount: 0 });
    try {
      await storm(gateway, isShort ? 2 : 30);
    } finally {
      await gateway.close();
    }
  });
}

async function withFakes(
  count: number,
  work: (servers: { url: string; secret: string }[]) => Promise<void>,
): Promise<void> {
  const fakes = await Promise.all(
    Array.from({ length: count }, async () => FakeBbb.start({ secret: 'fake' })),
  );
  try {
    await work(fakes.map(({ url, secret }) => ({ url, secret })));
  } finally {
    await Promise.all(fakes.map(async (fake) => fake.close()));
  }
}

async function atOnce(name: string, gateways: readonly BenchGateway[]): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, i) =>
      create(gateways[i % gateways.length]!, `m-${i}`),
    ),
  );
  const failures = answers.filter((isSuccess) => !isSuccess).length;
  const spread = await meetingsByServer(gateways[0]!);
  const figure = `${spread.toSorted((a, b) => a - b).join(' ')}, ${failures} failed`;
  tell(`${AT_ONCE} creates at once, ${name}`, figure, '10 each');
}

/** Creates at a fixed rate, whether answers have come or not. */
async function storm(gateway: BenchGateway, seconds: number): Promise<void> {
  const count = STORM_PER_SECOND * seconds;
  const startMs = performance.now();
  const open: Promise<boolean>[] = [];
  for (let i = 0; i < count; i++) {
    const waitMs = startMs + (i * 1000) / STORM_PER_SECOND - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    open.push(create(gateway, `storm-${i}`));
  }
  const failures = (await Promise.all(open)).filter((isSuccess) => !isSuccess).length;
  const tookSeconds = (performance.now() - startMs) / 1000;
  const spread = await meetingsByServer(gateway);
  const figure = `${failures} failed, ${Math.min(...spread)} to ${Math.max(...spread)} a server, ${tookSeconds.toFixed(1)} s`;
  tell(`${count} creates in ${seconds} s over 20 servers`, figure, 'none failed, at most 1 apart');
}

async function create(gateway: BenchGateway, meetingId: string): Promise<boolean> {
  const { text } = await gateway.get(gateway.path('create', `name=x&meetingID=${meetingId}`));
  return text.includes('<returncode>SUCCESS<');
}

async function meetingsByServer(gateway: BenchGateway): Promise<number[]> {
  const { meetings } = await gateway.ask<{ meetings: { server_id: string }[] }>('meetings');
  const { servers } = await gateway.ask<{ servers: { id: string }[] }>('servers');
  const counts = new Map(servers.map(({ id }) => [id, 0]));
  for (const { server_id: id } of meetings) counts.set(id, counts.get(id)! + 1);
  return [...counts.values()];
}
