/**
 * What do many flows cost: to find one, to open one, in memory, and to collect them?
 *
 * A program in the kernel makes packets of flow after flow, in an order without locality, and hands each to
 * the program under test; nothing of user space lies between two packets. Beside each figure stands what
 * the bare table costs in the same round: one look-up for packets of known flows, a look-up that fails and
 * the insertions for new ones, a walk over all entries for a collection. The floor under all of them is
 * the making of the packet and a program that swaps MAC addresses. Needs root and 2 GB.
 *
 *     npm run bench:flows -w packages/l4
 *
 * `BENCH_FLOWS=1024,1048576` are other numbers of resident flows (powers of two), `BENCH_ROUNDS` more rounds.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { runOnCpu, type BpfMap, type Program } from '@balancer/ebpf';
import { PROTOCOLS, STATES, toMapAddress } from '../src/index.ts';
import { createTable } from '../src/selection-map.ts';
import { DataPlane, SERVICE } from '../tools/packets/data-plane.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';
import { median } from './scenarios.ts';
import { FIRST_SERVICE, Floor } from './series.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const RESIDENT = (process.env['BENCH_FLOWS'] ?? '1024,131072,1048576').split(',').map(Number);
const SERVICES = [10, 1000];
/** Packets of known flows in a round, and new flows. */
const PACKETS = 131_072;
const NEW_FLOWS = 16_384;
/** Clients of resident flows; those of new flows are in other networks, one for each round. */
const CLIENTS = '10.128.0.0';
const NS_PER_MS = 1e6;

/** A program with a table of flows. */
interface Subject {
  readonly name: string;
  readonly program: Program;
  readonly table: BpfMap;
  /** The bare program with as many entries for a flow. */
  readonly bare: 'add_flow' | 'add_flow_pair';
  readonly collect?: () => { entries: number; removed: number };
  close(): void;
}

const locals = Array.from({ length: 8 }, (_, i) => `198.51.100.${5 + i}`);
const backends = Array.from({ length: 16 }, (_, i) => ({ address: `10.0.0.${11 + i}` }));
const common: Setup = { mode: 'dr', filter: true, backends };
const nat: Setup = { ...common, mode: 'fnat', localAddresses: locals, portRange: [1025, 65_535] };

/** Sizes of the maps that hold a line for each service. */
const BY_SERVICE = { l4_vip: 2048, l4_svc: 2048, l4_sel: 2048, l4_cur: 2048 };

function planeOf(name: string, setup: Setup, entries: number, services = 1): Subject {
  const host = new PacketHost({ l4_ct: entries, l4_half: entries, ...BY_SERVICE });
  const plane = new DataPlane(setup, 'xdp', host);
  if (services > 1) addServices(plane, services);
  return {
    name,
    program: plane.program,
    table: plane.maps.get('l4_ct')!,
    bare: setup.mode === 'dr' ? 'add_flow' : 'add_flow_pair',
    collect: () => plane.collect(),
    close: () => {
      plane.close();
      host.close();
    },
  };
}

/** Services like the one of the set-up, on the ports behind it. */
function addServices({ loaded }: DataPlane, count: number): void {
  const ids = Array.from({ length: count }, (_, i) => SERVICE + i);
  const service = loaded.map('l4_svc').get(SERVICE)!;
  const table = createTable(
    'l4_sel',
    Uint32Array.from(backends, (_, i) => i + 1),
  );
  const portOf = (id: number): number => FIRST_SERVICE + id - SERVICE;
  const address = toMapAddress(NAMES['V']!);
  const protocol = PROTOCOLS.tcp;
  loaded.map('l4_svc').setAll(ids.map((id) => [id, { ...service, vport: portOf(id) }]));
  loaded.map('l4_sel').setAll(ids.map((id) => [id, table.fd]));
  loaded
    .map('l4_vip')
    .setAll(ids.map((id) => [{ address, port: portOf(id), protocol, zero: 0 }, id]));
  table.close();
}

/** A bare program with a table of its own. */
function bareOf(bare: Subject['bare'], entries: number): Subject {
  const floor = new Floor(entries);
  const { programs, maps } = floor.object;
  const name = bare === 'add_flow' ? 'bare table' : 'bare table, two entries';
  return {
    name,
    program: programs.get(bare)!,
    table: maps.get('flows')!,
    bare,
    close: () => floor.close(),
  };
}

/** Figures of a round, by subject. */
type Rounds = Map<string, number[]>;

const source = new Floor(1);
const reflect = source.object.program('reflect');

/** Runs each subject once a round, in an order that changes; ns above the floor. */
function measureRounds(
  subjects: readonly Subject[],
  begin: (round: number) => void,
  count: number,
): Rounds {
  const rounds: Rounds = new Map(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    begin(round);
    const floor = source.run(reflect, count);
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[(i + round) % subjects.length]!;
      begin(round);
      rounds.get(subject.name)!.push(source.run(subject.program, count) - floor);
    }
  }
  return rounds;
}

/** Bytes of kernel memory of an entry, by the kernel's own account. */
function bytesOfEntry(table: BpfMap): number {
  const info = readFileSync(`/proc/self/fdinfo/${table.fd}`, 'utf8');
  const bytes = Number(/^memlock:\s*(\d+)/m.exec(info)?.[1]);
  return bytes / table.info.maxEntries;
}

function printRounds(what: string, rounds: Rounds, subjects: readonly Subject[]): void {
  const bare = rounds.get(subjects[0]!.name)!;
  for (const { name } of subjects) {
    const values = rounds.get(name)!;
    const ratio = median(values.map((value, i) => value / bare[i]!)).toFixed(2);
    const list = values.join(' ');
    console.log(
      `  ${what.padEnd(6)} ${name.padEnd(34)} ${median(values).toFixed(0).padStart(5)} ns  x ${ratio.padStart(5)}  (${list})`,
    );
  }
}

/** Opens the resident flows and says they are established. */
function fill(subjects: readonly Subject[], flows: number, services = 1): void {
  for (const { program, table } of subjects) {
    source.begin({ flows, services, flags: ['syn'], client: CLIENTS });
    source.run(program, flows);
    const walker = new Floor(table.info.maxEntries, table);
    walker.walk(STATES.ESTABLISHED);
    walker.close();
  }
}

function printFlows(subjects: readonly Subject[], flows: number, services = 1): void {
  fill(subjects, flows, services);
  const known = measureRounds(
    subjects,
    (round) =>
      source.begin({ flows, services, flags: ['ack'], client: CLIENTS, from: round * PACKETS }),
    PACKETS,
  );
  printRounds('known', known, subjects);
  const fresh = measureRounds(
    subjects,
    (round) =>
      source.begin({ flows: NEW_FLOWS, services, flags: ['syn'], client: `11.${round}.0.0` }),
    NEW_FLOWS,
  );
  printRounds('new', fresh, subjects);
}

/** What the table takes, and how long a collection and a bare walk go over it. */
function printTable({ name, table, collect }: Subject): void {
  const walker = new Floor(table.info.maxEntries, table);
  const ms: Record<'walk' | 'collect', number[]> = { walk: [], collect: [] };
  let entries = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    entries = walker.walk();
    const middle = process.hrtime.bigint();
    const { removed } = collect!();
    ms.collect.push(Number(process.hrtime.bigint() - middle) / NS_PER_MS);
    ms.walk.push(Number(middle - start) / NS_PER_MS);
    if (removed > 0)
      throw new Error(`${name}: ${removed} flows were over: the machine is too slow`);
  }
  walker.close();
  const [bare, whole] = [median(ms.walk), median(ms.collect)];
  console.log(
    `  ${name}: ${entries} entries, ${bytesOfEntry(table).toFixed(0)} bytes each; collected in ${whole.toFixed(0)} ms, bare walk ${bare.toFixed(0)} ms, x ${(whole / bare).toFixed(2)}`,
  );
}

/** Frees the tables of a part before the next one begins. */
function withSubjects(subjects: readonly Subject[], use: (list: readonly Subject[]) => void): void {
  try {
    use(subjects);
  } finally {
    for (const subject of subjects) subject.close();
  }
}

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} rounds`,
);
runOnCpu(() => {
  for (const flows of RESIDENT) {
    console.log(`${flows} resident flows: ns above the floor, ratio to the bare table`);
    const entries = 2 ** Math.ceil(Math.log2(flows + ROUNDS * NEW_FLOWS));
    withSubjects(
      [
        bareOf('add_flow', entries),
        planeOf('direct routing', common, entries),
        planeOf(
          'direct routing by Maglev',
          { ...common, scheduler: 'mh', maglev: 65_537 },
          entries,
        ),
      ],
      (subjects) => {
        printFlows(subjects, flows);
        printTable(subjects[1]!);
      },
    );
    withSubjects(
      [
        bareOf('add_flow_pair', 2 * entries),
        planeOf('NAT', { ...common, mode: 'nat' }, 2 * entries),
        planeOf('full NAT', nat, 2 * entries),
      ],
      (subjects) => {
        printFlows(subjects, flows);
        printTable(subjects[2]!);
      },
    );
  }
  for (const services of SERVICES) {
    console.log(`${services} services, 131072 resident flows`);
    withSubjects(
      [bareOf('add_flow', 262_144), planeOf('direct routing', common, 262_144, services)],
      (subjects) => printFlows(subjects, 131_072, services),
    );
  }
});
source.close();
