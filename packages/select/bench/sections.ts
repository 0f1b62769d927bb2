/**
 * The sections of the benchmark. Each measures, prints a table, and returns its raw figures.
 *
 * @module
 */
import type { GoLibrary, GoResult } from './go-library.ts';
import { median, type Measurement } from './measure.ts';
import { worstMs } from './membership.ts';
import { PEERS } from './peers.ts';
import { measuredPolicy, type PolicyName } from './policies.ts';
import { mops, ns, printTable, ratio } from './report.ts';
import { measureLoops, measureMembership, type LoopSpec } from './task.ts';
import { slowNode } from './slow-node/section.ts';
import type { Subject } from './subjects.ts';

export interface Setup {
  readonly policies: readonly PolicyName[];
  /** Fresh processes per subject. */
  readonly rounds: number;
  readonly picksPerRun: number;
  readonly goLibrary: GoLibrary | undefined;
  readonly printsTables: boolean;
  readonly progress: (text: string) => void;
}

export type SectionName = keyof typeof SECTIONS;

export const SECTIONS = {
  reference,
  together,
  sizes,
  keys,
  jobs,
  peers,
  membership,
  slowNode,
} satisfies Record<string, (setup: Setup) => Promise<unknown>>;

const REFERENCE: Omit<Subject, 'policy' | 'nodes' | 'via'> = {
  nodeCount: 10,
  health: 'halfDown',
  keys: 'constant',
};
const NODE_KINDS = ['own', 'builtIn'] as const;
const SIZES = [2, 10, 100, 1000];
const MEMBERSHIP_NODES = 1000;
const MEMBERSHIP_MS_MAX = 50;

/** One thing to measure, round by round. */
interface Entry {
  readonly name: string;
  readonly loops: readonly LoopSpec[];
}

/** Figures over all rounds of one loop. */
interface Figures {
  /** Median CPU time per pick. */
  readonly ns: number;
  readonly cpuRunsNs: readonly number[];
  readonly runsNs: readonly number[];
  readonly gcEvents: number;
  readonly bytesPerPick: number;
}

async function reference(setup: Setup): Promise<unknown> {
  const entries: Entry[] = setup.policies.flatMap((policy) =>
    NODE_KINDS.map((nodes) => ({
      name: `${policy} ${nodes}`,
      loops: (['balancer', 'picker'] as const).map((via) =>
        subject({ ...REFERENCE, policy, nodes, via }),
      ),
    })),
  );
  entries.push({ name: 'array read', loops: [{ kind: 'floor', nodeCount: 10 }] });
  const goBenchmarks = setup.policies.flatMap((policy) => measuredPolicy(policy).goBenchmark ?? []);
  const { figures, go } = await measureInRounds('reference', entries, setup, goBenchmarks);

  const rows = setup.policies.map((policy) => {
    const { targetNs, goBenchmark } = measuredPolicy(policy);
    const [own, ownPicker] = figures.get(`${policy} own`)!;
    const [builtIn, builtInPicker] = figures.get(`${policy} builtIn`)!;
    const goResults = goBenchmark === undefined ? undefined : go.get(goBenchmark);
    const goNs = goResults && median(goResults.map(({ cpuNs }) => cpuNs));
    return [
      policy,
      ns(own!.ns),
      ns(ownPicker!.ns),
      ns(builtIn!.ns),
      ns(builtInPicker!.ns),
      mops(builtIn!.ns),
      `${own!.gcEvents}/${builtIn!.gcEvents}`,
      `${own!.bytesPerPick.toFixed(2)}/${builtIn!.bytesPerPick.toFixed(2)}`,
      targetNs === undefined ? '' : String(targetNs),
      goNs === undefined ? '' : ns(goNs),
      goNs === undefined ? '' : (own!.ns / goNs).toFixed(2),
      goNs === undefined ? '' : (builtIn!.ns / goNs).toFixed(2),
    ];
  });
  print(
    setup,
    'Reference scenario: 10 nodes, every other one down, one key. ns per pick; own/built-in nodes\n' +
      `(array read: ${ns(figures.get('array read')![0]!.ns)} ns)`,
    [
      'policy',
      'own: next',
      'picker',
      'built-in: next',
      'picker',
      'Mpicks/s',
      'GC events',
      'B/pick',
      'target',
      'Go',
      'own/Go',
      'built-in/Go',
    ],
    rows,
  );
  return { figures: Object.fromEntries(figures), go: Object.fromEntries(go) };
}

/** All policies in one process: what a program pays that uses several. */
async function together(setup: Setup): Promise<unknown> {
  const entries = NODE_KINDS.map((nodes) => ({
    name: nodes,
    loops: setup.policies.map((policy) =>
      subject({ ...REFERENCE, policy, nodes, via: 'balancer' }),
    ),
  }));
  const { figures } = await measureInRounds('together', entries, { ...setup, rounds: 1 });
  const rows = setup.policies.map((policy, i) => [
    policy,
    ns(figures.get('own')![i]!.ns),
    ns(figures.get('builtIn')![i]!.ns),
  ]);
  print(
    setup,
    'All policies in one process, reference scenario. ns per Balancer.next',
    ['policy', 'own nodes', 'built-in nodes'],
    rows,
  );
  return Object.fromEntries(figures);
}

async function sizes(setup: Setup): Promise<unknown> {
  const entries = setup.policies.flatMap((policy) =>
    NODE_KINDS.map((nodes) => ({ policy, nodes })).flatMap(({ policy: name, nodes }) =>
      SIZES.map((nodeCount) => ({
        name: `${name} ${nodes} ${nodeCount}`,
        loops: [subject({ ...REFERENCE, nodeCount, policy: name, nodes, via: 'balancer' })],
      })),
    ),
  );
  const { figures } = await measureInRounds('sizes', entries, fewRounds(setup));
  const rows = setup.policies.map((policy) => [
    policy,
    ...NODE_KINDS.flatMap((nodes) =>
      SIZES.map((nodeCount) => ns(figures.get(`${policy} ${nodes} ${nodeCount}`)![0]!.ns)),
    ),
  ]);
  print(
    setup,
    'Number of nodes N, every other one down, one key. ns per Balancer.next',
    [
      'policy',
      ...NODE_KINDS.flatMap((nodes) =>
        SIZES.map((n) => `${nodes === 'own' ? 'own' : 'built-in'} N=${n}`),
      ),
    ],
    rows,
  );
  return Object.fromEntries(figures);
}

async function keys(setup: Setup): Promise<unknown> {
  const keyed = setup.policies.filter((policy) => measuredPolicy(policy).keyed === true);
  const kinds = ['constant', 'random'] as const;
  const entries = keyed.flatMap((policy) =>
    kinds.map((kind) => ({
      name: `${policy} ${kind}`,
      loops: [subject({ ...REFERENCE, keys: kind, policy, nodes: 'builtIn', via: 'balancer' })],
    })),
  );
  const { figures } = await measureInRounds('keys', entries, fewRounds(setup));
  const rows = keyed.map((policy) => {
    const [[constant], [random]] = kinds.map((kind) => figures.get(`${policy} ${kind}`)!) as [
      Figures[],
      Figures[],
    ];
    return [policy, ns(constant!.ns), ns(random!.ns), random!.bytesPerPick.toFixed(2)];
  });
  print(
    setup,
    'Keys: one, or 65 536 IPv4 addresses in random order. Built-in nodes, ns per Balancer.next',
    ['policy', 'one key', 'random keys', 'B/pick random'],
    rows,
  );
  return Object.fromEntries(figures);
}

/** What counting a job costs, next to the pick. */
async function jobs(setup: Setup): Promise<unknown> {
  const clocks = ['coarse', 'precise'] as const;
  const entries = clocks.map((clock) => ({
    name: clock,
    loops: [{ kind: 'job', clock } as const],
  }));
  const { figures } = await measureInRounds('jobs', entries, fewRounds(setup));
  const rows = clocks.map((clock) => {
    const [found] = figures.get(clock)!;
    return [clock, ns(found!.ns), String(found!.gcEvents), found!.bytesPerPick.toFixed(2)];
  });
  print(
    setup,
    'begin + end of one job on a built-in node in a balancer',
    ['clock', 'ns per job', 'GC events', 'B per job'],
    rows,
  );
  return Object.fromEntries(figures);
}

async function peers(setup: Setup): Promise<unknown> {
  const entries = PEERS.flatMap(({ name, policy, keys: kind }) => [
    { name, loops: [{ kind: 'peer', name, nodeCount: 10 } as const] },
    {
      name: `ours for ${name}`,
      loops: [
        subject({
          policy,
          nodes: 'builtIn',
          nodeCount: 10,
          health: 'allUp',
          keys: kind,
          via: 'balancer',
        }),
      ],
    },
  ]);
  const { figures } = await measureInRounds('peers', entries, setup);
  const rows = PEERS.map(({ name, policy }) => {
    const [theirs] = figures.get(name)!;
    const [ours] = figures.get(`ours for ${name}`)!;
    return [
      name,
      ns(theirs!.ns),
      theirs!.bytesPerPick.toFixed(1),
      policy,
      ns(ours!.ns),
      ours!.bytesPerPick.toFixed(1),
      ratio(theirs!.ns / ours!.ns),
    ];
  });
  print(
    setup,
    'Peers from npm: 10 nodes, all up. ns per pick, ours through Balancer.next with built-in nodes',
    ['peer', 'ns', 'B/pick', 'our policy', 'ns', 'B/pick', 'ours is faster by'],
    rows,
  );
  return Object.fromEntries(figures);
}

async function membership(setup: Setup): Promise<unknown> {
  const raw: Record<string, unknown> = {};
  const rows: string[][] = [];
  for (const policy of setup.policies) {
    setup.progress(`membership: ${policy}`);
    const cost = await measureMembership(policy, MEMBERSHIP_NODES);
    raw[policy] = cost;
    rows.push([
      policy,
      ...[cost.addMs, cost.removeMs, cost.setMs].map((each) => median(each).toFixed(2)),
      worstMs(cost) < MEMBERSHIP_MS_MAX ? 'yes' : 'NO',
    ]);
  }
  print(
    setup,
    `Change of membership at N = ${MEMBERSHIP_NODES}, ms per call`,
    ['policy', 'add', 'remove', 'set', `below ${MEMBERSHIP_MS_MAX} ms`],
    rows,
  );
  return raw;
}

/** Measures every entry once per round, each time in a fresh process, starting elsewhere each round. */
async function measureInRounds(
  section: string,
  entries: readonly Entry[],
  setup: Setup,
  goBenchmarks: readonly string[] = [],
): Promise<{ figures: Map<string, Figures[]>; go: Map<string, GoResult[]> }> {
  const found = new Map<string, Measurement[][]>(entries.map(({ name }) => [name, []]));
  const go = new Map<string, GoResult[]>();
  const effort = { runs: 1, picksPerRun: setup.picksPerRun };
  for (let round = 0; round < setup.rounds; round++) {
    const start = Math.floor((round * entries.length) / setup.rounds);
    const rotated = [...entries.slice(start), ...entries.slice(0, start)];
    for (const { name, loops } of rotated) {
      setup.progress(`${section}: round ${round + 1} of ${setup.rounds}, ${name}`);
      found.get(name)!.push(await measureLoops(loops, effort));
      // The Go benchmark runs right beside our policy that does the same.
      const policy = name.endsWith(' own') ? (name.slice(0, -' own'.length) as PolicyName) : null;
      const benchmark = policy === null ? undefined : measuredPolicy(policy).goBenchmark;
      if (benchmark === undefined || !goBenchmarks.includes(benchmark)) continue;
      const result = setup.goLibrary?.run(benchmark, setup.picksPerRun);
      if (result === undefined) continue;
      const results = go.get(benchmark) ?? [];
      results.push(result);
      go.set(benchmark, results);
    }
  }
  return { figures: new Map([...found].map(([name, rounds]) => [name, combine(rounds)])), go };
}

/** Per loop: all runs of all rounds, their median, and the collections of all of them. */
function combine(rounds: readonly Measurement[][]): Figures[] {
  return rounds[0]!.map((_, loop) => {
    const each = rounds.map((results) => results[loop]!);
    const cpuRunsNs = each.flatMap((result) => result.cpuRunsNs);
    return {
      ns: median(cpuRunsNs),
      cpuRunsNs,
      runsNs: each.flatMap((result) => result.runsNs),
      gcEvents: each.reduce((sum, { gcEvents }) => sum + gcEvents, 0),
      bytesPerPick: median(each.map(({ bytesPerPick }) => bytesPerPick)),
    };
  });
}

/** For tables that show a trend and no ratio. */
function fewRounds(setup: Setup): Setup {
  return { ...setup, rounds: Math.min(3, setup.rounds) };
}

function subject(given: Subject): LoopSpec {
  return { kind: 'subject', subject: given };
}

function print(
  setup: Setup,
  title: string,
  head: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): void {
  setup.progress('');
  if (setup.printsTables) printTable(title, head, rows);
}
