/**
 * What do features cost that are off?
 *
 * Compiles the path twice, once with every test on the way of a known flow that asks for a feature, once
 * without any, and runs both in turn on the same packets, the first of a pair changing from round to round.
 * The table shows the medians in ns, the floor's own time included, and the median of the pairs' ratios with
 * the quartiles around it. Needs root and clang-14.
 *
 *     npm run bench:features -w packages/l4
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { enableStatistics, runOnCpu } from '@balancer/ebpf';
import { compile } from '../../ebpf/tools/build-objects.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { measure, median, SCENARIOS } from './scenarios.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 60);
const PACKETS = 4_000;
/** The scenarios that use no feature. */
const MEASURED: ReadonlySet<string> = new Set([
  'pass, not ours',
  'direct routing, known flow',
  'ipip tunnel, known flow',
  'full NAT to backend, known flow',
  'full NAT to client, known flow',
  'full NAT over IPv6, known flow',
]);

const objects = [compile(FOLDER, 'l4-xdp'), compile(FOLDER, 'l4-xdp', ['L4_WITHOUT_FEATURES'])];
const statistics = enableStatistics();
console.log(`${ROUNDS} rounds           with features  without   ratio  quartiles`);
for (const { name, setup, opening, packets } of SCENARIOS) {
  if (!MEASURED.has(name)) continue;
  const hosts = objects.map((object) => new PacketHost({}, { object }));
  const planes = hosts.map((host) => new DataPlane(setup, 'xdp', host));
  // What opens a flow may need what the second build lacks, so the flow is carried over.
  for (const packet of opening) planes[0]!.send(packet);
  for (const [key, flow] of planes[0]!.loaded.map('l4_ct').entries()) {
    planes[1]!.loaded.map('l4_ct').set(key, flow);
  }
  const times: number[][] = [[], []];
  runOnCpu(() => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
        times[i]!.push(measure(planes[i]!.program, packets, PACKETS));
      }
    }
  });
  for (const plane of planes) plane.close();
  for (const host of hosts) host.close();
  const ratios = times[0]!.map((ns, round) => ns / times[1]![round]!).toSorted((a, b) => a - b);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((at) => ratios[Math.floor(at * ROUNDS)]!);
  const [withNs, withoutNs] = times.map((ns) => median(ns).toFixed(1).padStart(9));
  console.log(
    `${name.padEnd(32)} ${withNs} ${withoutNs}   ${middle!.toFixed(3)}  ${low!.toFixed(3)} to ${high!.toFixed(3)}`,
  );
}
statistics.close();
