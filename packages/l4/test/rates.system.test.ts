/**
 * Rates over real time: what is admitted while one CPU or two offer more. A bucket is full at the beginning,
 * so that a second's worth comes in beside what is earned.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildFrame, type FrameSpec } from '@balancer/ebpf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DROP_REASONS } from '../src/constants.ts';
import type { Admission } from '../src/desired.ts';
import { DataPlane, SERVICE } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { MACS } from './support/ends.ts';
import { admitted, type Offer } from './support/token-bucket.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
const SECONDS = IS_LONG ? 10 : 1;
const TOLERANCE = 0.02;
/** Packets that are admitted in a second: so few that every machine offers more. */
const PER_S = 1000;
const OFFER = fileURLToPath(new URL('support/offer.ts', import.meta.url));
const FROM_SOURCES = ['--conditions=balancer-source', '--import', import.meta.resolve('tsx')];
const ANSWER_MS = 60_000;
/** As Linux lists those that run. */
const CPUS = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim() === '0' ? [0] : [0, 1];

interface Meter {
  readonly name: string;
  readonly admission: Partial<Admission>;
  readonly payloadBytes: number;
  readonly fresh: boolean;
}

const CONNECTIONS: Meter = {
  name: 'new flows',
  admission: { connectionRate: PER_S, connectionBurst: PER_S },
  payloadBytes: 1,
  fresh: true,
};
const PACKETS: Meter = {
  name: 'packets',
  admission: { packetsPerS: PER_S, burstMs: 1000 },
  payloadBytes: 1,
  fresh: false,
};
// 20 + 8 + 972 bytes are 8,000 bits.
const BITS: Meter = {
  name: 'bits',
  admission: { bitsPerS: PER_S * 8000, burstMs: 1000 },
  payloadBytes: 972,
  fresh: false,
};
const CLIENT: Meter = {
  name: 'new flows of a client',
  admission: { clientRate: PER_S },
  payloadBytes: 1,
  fresh: true,
};

/** The long form has all of them on one CPU and on two. */
const RUNS: readonly (readonly [Meter, readonly number[]])[] = IS_LONG
  ? [CONNECTIONS, PACKETS, BITS, CLIENT].flatMap((meter) =>
      [[0], CPUS].map((cpus) => [meter, cpus] as const),
    )
  : [
      [CONNECTIONS, CPUS],
      [PACKETS, [0]],
      [BITS, CPUS],
    ];

describe.skipIf(NO_ROOT !== '')(`a rate${NO_ROOT}`, () => {
  let host: PacketHost;
  beforeAll(() => {
    host = new PacketHost({ l4_ct: 262_144, l4_src: 1024 });
  });
  afterAll(() => host?.close());

  test.each(RUNS.map(([meter, cpus]) => ({ ...meter, cpus })))(
    `of $name is kept to 2 % while CPUs $cpus offer more for ${SECONDS} s`,
    async ({ admission, payloadBytes, fresh, cpus }) => {
      const plane = new DataPlane({ mode: 'dr', protocol: 'udp', admission }, 'xdp', host);
      try {
        const frame = buildFrame(datagram(payloadBytes));
        const offers = await offer({ plane, host, frame, fresh, cpus });
        const sent = offers.reduce((sum, { count }) => sum + count, 0);
        const drops = plane.drops().map(Number);
        const dropped = drops[DROP_REASONS.rate]!;
        expect(drops.reduce((sum, count) => sum + count)).toBe(dropped);
        // Packets of flows that are open already are not asked for a rate of flows.
        const passed = fresh ? flowsOf(plane) : sent - dropped;
        const share = passed / admitted(offers, PER_S);
        expect(dropped, 'more was offered than is admitted').toBeGreaterThan(0.1 * sent);
        expect(share).toBeGreaterThan(1 - TOLERANCE);
        expect(share).toBeLessThan(1 + TOLERANCE);
      } finally {
        plane.close();
      }
    },
    180_000,
  );
});

function datagram(bytes: number): FrameSpec {
  const payload = 'x'.repeat(bytes);
  const udp = { sport: 40_000, dport: 80, payload };
  return {
    ...MACS.fromClient,
    ipv4: { src: NAMES['C']!, dst: NAMES['V']!, udp },
  };
}

/** Flows that were opened so far. */
function flowsOf(plane: DataPlane): number {
  const copies = plane.loaded.map('l4_stat_svc').get(SERVICE) ?? [];
  return Number(copies.reduce((sum, { conns }) => sum + conns, 0n));
}

interface Flood {
  readonly plane: DataPlane;
  readonly host: PacketHost;
  readonly frame: Uint8Array;
  readonly fresh: boolean;
  readonly cpus: readonly number[];
}

/** @returns What all of them offered, in its order. */
async function offer({ plane, host, frame, fresh, cpus }: Flood): Promise<Offer[]> {
  const ifindex = host.ifindexes.get(NAMES['L1']!)!;
  const children = cpus.map((cpu) => {
    const numbers = [plane.program.info().id, ifindex, cpu, SECONDS].map(String);
    const kind = fresh ? 'fresh' : 'same';
    const args = [...FROM_SOURCES, OFFER, ...numbers, Buffer.from(frame).toString('hex'), kind];
    const child = host.namespace.run(() =>
      spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    return { child, lines: createInterface(child.stdout) };
  });
  try {
    await Promise.all(children.map(({ lines }) => lineOf(lines)));
    const ending = children.map(async ({ child, lines }) => {
      child.stdin.write('go\n');
      // The program below prints it.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return JSON.parse(await lineOf(lines)) as { timesMs: readonly number[]; batch: number };
    });
    const runs = await Promise.all(ending);
    return runs
      .flatMap(({ timesMs, batch }) =>
        timesMs.map((timeMs) => ({ timeS: timeMs / 1000, count: batch })),
      )
      .toSorted((a, b) => a.timeS - b.timeS);
  } finally {
    for (const { child } of children) child.kill('SIGKILL');
  }
}

async function lineOf(lines: Interface): Promise<string> {
  const signal = AbortSignal.timeout(SECONDS * 1000 + ANSWER_MS);
  const [line] = (await once(lines, 'line', { signal })) as [string];
  return line;
}
