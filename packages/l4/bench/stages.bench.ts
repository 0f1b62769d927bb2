/**
 * Where does the time of a packet go?
 *
 * Compiles the path several times, each cut off behind one more stage, and measures all of them in turn on
 * the same packets; the differences are what the stages cost. Needs root and clang-14.
 *
 *     npm run bench:stages -w packages/l4
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { enableStatistics, loadObject, runOnCpu } from '@balancer/ebpf';
import { compile } from '../../ebpf/tools/build-objects.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { measure, median, SCENARIOS } from './scenarios.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 20);
const PACKETS = 4_000;
const MEASURED = new Set(['direct routing, known flow', 'full NAT to backend, known flow']);
/** What has been done when the path ends, by the numbers of `enum stage`; 0 is the whole path. */
const STAGES = [
  { stage: 1, name: 'parse, address filter' },
  { stage: 2, name: 'look the flow up' },
  { stage: 3, name: 'tick, state' },
  { stage: 4, name: 'backend' },
  { stage: 5, name: 'count' },
  { stage: 0, name: 'rewrite, send' },
] as const;

const objects = STAGES.map(({ stage }) =>
  compile(FOLDER, 'l4-xdp', stage === 0 ? [] : [`L4_STAGE=${stage}`]),
);
const floorObject = loadObject(readFileSync(new URL('../bpf/objects/floor.o', import.meta.url)));
const floor = floorObject.program('reflect');
const statistics = enableStatistics();
for (const { name, setup, opening, packets } of SCENARIOS) {
  if (!MEASURED.has(name)) continue;
  // The flow is opened through the whole path, then carried over to the one that is cut off.
  const whole = new PacketHost();
  const opened = new DataPlane(setup, 'xdp', whole);
  for (const packet of opening) opened.send(packet);
  const hosts = objects.map((object) => new PacketHost({}, { object }));
  const planes = hosts.map((host) => new DataPlane(setup, 'xdp', host));
  for (const plane of planes) {
    for (const [key, flow] of opened.loaded.map('l4_ct').entries()) {
      plane.loaded.map('l4_ct').set(key, flow);
    }
  }
  const above = planes.map((): number[] => []);
  runOnCpu(() => {
    for (let round = 0; round < ROUNDS; round++) {
      const base = measure(floor, packets, PACKETS);
      for (const [i, plane] of planes.entries()) {
        above[i]!.push(measure(plane.program, packets, PACKETS) - base);
      }
    }
  });
  for (const plane of [opened, ...planes]) plane.close();
  for (const host of [whole, ...hosts]) host.close();
  console.log(`${name}: ns above the floor after each stage, and what the stage added`);
  const medians = above.map(median);
  for (const [i, stage] of STAGES.entries()) {
    const added = medians[i]! - (medians[i - 1] ?? 0);
    console.log(
      `  ${stage.name.padEnd(24)} ${medians[i]!.toFixed(0).padStart(4)} ${`+${added.toFixed(0)}`.padStart(5)}`,
    );
  }
}
statistics.close();
floorObject.close();
