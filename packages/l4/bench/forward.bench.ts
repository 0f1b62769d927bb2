/**
 * What does forwarding a packet cost, above the least a program can do?
 *
 * Each round runs every scenario in turn, packet by packet, and reads the kernel's own run time of the
 * program (BPF statistics). The floor is a program that swaps MAC addresses and sends the frame back. The
 * table shows medians of the rounds in ns, the difference to the floor of the same round, and the rounds.
 * Needs root.
 *
 *     npm run bench -w packages/l4
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import {
  buildFrame,
  enableStatistics,
  loadObject,
  type Ipv4Spec,
  type Program,
} from '@balancer/ebpf';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';

const ROUNDS = 5;
const PACKETS = 40_000;

const { R, L1, L2, M1, C, V, LIP, B1, C6, V6, L6, B6 } = NAMES;

interface Scenario {
  readonly name: string;
  readonly setup: Setup;
  /** Packets that open the flow, before the clock runs. */
  readonly opening: readonly Uint8Array[];
  /** The packets measured, in turn. */
  readonly packets: readonly Uint8Array[];
}

const ack = { sport: 40_000, dport: 80, seq: 1001, ack: 9001, flags: ['ack'] } as const;
const syn = { sport: 40_000, dport: 80, seq: 1000, flags: ['syn'] } as const;
const toUs = { to: L1!, from: R! };

function v4(content: Pick<Ipv4Spec, 'tcp' | 'udp'>, dst: string = V!): Uint8Array {
  return buildFrame({ ...toUs, ipv4: { src: C!, dst, ...content } });
}

const open4 = [v4({ tcp: syn }), v4({ tcp: ack })];
const fnat: Setup = { mode: 'fnat', localAddresses: [LIP!] };
const reply = buildFrame({
  to: L2!,
  from: M1!,
  ipv4: {
    src: B1!,
    dst: LIP!,
    tcp: { sport: 8080, dport: 50_000, seq: 9001, ack: 1002, flags: ['ack'] },
  },
});
const v6 = (flags: 'syn' | 'ack'): Uint8Array =>
  buildFrame({ ...toUs, ipv6: { src: C6!, dst: V6!, tcp: { ...ack, flags: [flags] } } });

const SCENARIOS: readonly Scenario[] = [
  { name: 'pass, not ours', setup: fnat, opening: [], packets: [v4({ tcp: ack }, '198.18.0.1')] },
  {
    name: 'direct routing, known flow',
    setup: { mode: 'dr' },
    opening: open4,
    packets: [v4({ tcp: ack })],
  },
  {
    name: 'ipip tunnel, known flow',
    setup: { mode: 'tunnel' },
    opening: open4,
    packets: [v4({ tcp: ack })],
  },
  {
    name: 'ipip tunnel, known UDP flow',
    setup: { mode: 'tunnel', protocol: 'udp' },
    opening: [],
    packets: [v4({ udp: { sport: 40_000, dport: 80, payload: 'x' } })],
  },
  {
    name: 'full NAT to backend, known flow',
    setup: fnat,
    opening: open4,
    packets: [v4({ tcp: ack })],
  },
  { name: 'full NAT to client, known flow', setup: fnat, opening: open4, packets: [reply] },
  {
    name: 'full NAT over IPv6, known flow',
    setup: { mode: 'fnat', vip: V6!, localAddresses: [L6!], backends: [{ address: B6! }] },
    opening: [v6('syn'), v6('ack')],
    packets: [v6('ack')],
  },
  {
    name: 'full NAT, new flow each',
    setup: { ...fnat, portRange: [1025, 65_535] },
    opening: [],
    packets: Array.from({ length: 400 }, (_, i) => v4({ tcp: { ...syn, sport: 1024 + i } })),
  },
];

/** Mean ns of a run, by the kernel's clock. */
function measure(program: Program, packets: readonly Uint8Array[]): number {
  const before = program.info();
  for (let i = 0; i < PACKETS; i++) program.testRun({ data: packets[i % packets.length]! });
  const after = program.info();
  return Number(after.runTimeNs - before.runTimeNs) / Number(after.runCount - before.runCount);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const floorObject = loadObject(readFileSync(new URL('../bpf/objects/floor.o', import.meta.url)));
const floor = floorObject.program('reflect');
const host = new PacketHost();
const statistics = enableStatistics();
const above = new Map<string, number[]>(SCENARIOS.map(({ name }) => [name, []]));
const floors: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const base = measure(floor, SCENARIOS[0]!.packets);
  floors.push(base);
  for (const { name, setup, opening, packets } of SCENARIOS) {
    const plane = new DataPlane(setup, 'xdp', host);
    for (const packet of opening) plane.program.testRun({ data: packet });
    above.get(name)!.push(measure(plane.program, packets) - base);
    plane.close();
  }
}
statistics.close();
host.close();
floorObject.close();

console.log(
  `${cpus()[0]?.model}, Node ${process.version}; ${PACKETS} packets a round, ${ROUNDS} rounds`,
);
console.log(
  `floor: ${median(floors).toFixed(0)} ns (${floors.map((n) => n.toFixed(0)).join(' ')})`,
);
for (const [name, values] of above) {
  const rounds = values.map((n) => n.toFixed(0)).join(' ');
  console.log(
    `${name.padEnd(34)} ${median(values).toFixed(0).padStart(5)} ns above it (${rounds})`,
  );
}
