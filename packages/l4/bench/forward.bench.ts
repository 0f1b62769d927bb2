/**
 * What does forwarding a packet cost, above the least a program can do?
 *
 * Each round runs every scenario in turn, packet by packet, and reads the kernel's own run time of the
 * program (BPF statistics). The floor is a program that swaps MAC addresses and sends the frame back,
 * measured right before each scenario. Caches are as cold as the user space between two test runs leaves
 * them. The table shows medians of the rounds in ns above the floor, the ratio to it, and the rounds.
 * Needs root.
 *
 *     npm run bench -w packages/l4
 *
 * Ends with 1 when a scenario is more than a tenth slower, over the floor, than in `bench/ratios.json`;
 * `npm run bench -w packages/l4 -- --store` writes that file anew.
 *
 * `BENCH_FLOWS=100000` opens so many flows first and sends packets of random ones.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { buildFrame, enableStatistics, loadObject, runOnCpu } from '@balancer/ebpf';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { readRatios, slower, storeRatios } from './ratios.ts';
import { measure, median, SCENARIOS, type Scenario } from './scenarios.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 20);
const PACKETS = 10_000;
const RESIDENT = Number(process.env['BENCH_FLOWS'] ?? 0);

/** Established flows of direct routing, addressed at random: what the size of the table costs. */
function residentScenario(count: number): Scenario {
  const packet = (i: number, flag: 'syn' | 'ack'): Uint8Array => {
    const tcp = { sport: 1024 + (i & 0x7fff), dport: 80, flags: [flag] } as const;
    const src = `10.${128 + (i >> 23)}.${(i >> 15) & 255}.1`;
    const ipv4 = { src, dst: NAMES['V']!, tcp };
    return buildFrame({ to: NAMES['L1']!, from: NAMES['R']!, ipv4 });
  };
  const opening = Array.from({ length: count }, (_, i) => packet(i, 'syn'));
  // A step that shares no factor with the count visits flows far from each other.
  const packets = Array.from({ length: PACKETS }, (_, i) => packet((i * 7919 * 31) % count, 'ack'));
  const setup = { mode: 'dr', filter: true } as const;
  return { name: `direct routing, ${count} flows`, setup, opening, packets };
}

const scenarios = RESIDENT > 0 ? [residentScenario(RESIDENT)] : SCENARIOS;
const floorObject = loadObject(readFileSync(new URL('../bpf/objects/floor.o', import.meta.url)));
const floor = floorObject.program('reflect');
const statistics = enableStatistics();
const hosts = scenarios.map(
  () =>
    new PacketHost({
      // None of the new flows takes the place of another.
      l4_half: 65_536,
      l4_ct: RESIDENT > 0 ? RESIDENT * 4 : 262_144,
      l4_acl: 1024,
      ...(RESIDENT > 0 && { l4_half: RESIDENT }),
    }),
);
const planes = scenarios.map(({ setup }, i) => new DataPlane(setup, 'xdp', hosts[i]!));
const above = scenarios.map((): number[] => []);
const floors: number[] = [];
runOnCpu(() => {
  for (const [i, { opening }] of scenarios.entries()) {
    for (const packet of opening) planes[i]!.send(packet);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { packets, perRound = PACKETS }] of scenarios.entries()) {
      const base = measure(floor, SCENARIOS[0]!.packets, perRound);
      floors.push(base);
      const plane = planes[i]!;
      const contextOf =
        plane.setup.network && ((packet: Uint8Array): Uint8Array => plane.contextOf(packet));
      const ns = plane.within(() => measure(plane.program, packets, perRound, contextOf));
      above[i]!.push(ns - base);
    }
  }
});
for (const plane of planes) plane.close();
for (const host of hosts) host.close();
statistics.close();
floorObject.close();

const base = median(floors);
const load = loadavg()[0]!.toFixed(1);
console.log(`${cpus()[0]?.model}, Node ${process.version}, load ${load}; ${ROUNDS} rounds`);
console.log(`floor: ${base.toFixed(0)} ns`);
for (const [i, { name }] of scenarios.entries()) {
  const values = above[i]!;
  const middle = median(values);
  const ratio = (middle / base).toFixed(2);
  const best = Math.min(...values).toFixed(0);
  console.log(
    `${name.padEnd(34)} ${middle.toFixed(0).padStart(5)} ns above it, x ${ratio.padStart(5)}; best ${best.padStart(4)}`,
  );
}

const ratios = Object.fromEntries(
  scenarios.map(({ name }, i) => [name, (base + median(above[i]!)) / base]),
);
if (process.argv.includes('--store')) {
  storeRatios(ratios);
} else {
  const worse = slower(ratios, readRatios());
  for (const line of worse) console.log(line);
  if (worse.length > 0) process.exitCode = 1;
}
