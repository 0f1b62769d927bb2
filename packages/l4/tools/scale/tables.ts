/**
 * The tables of docs/scale.md as text.
 *
 * @module
 */
import type { RouterKind } from './ecmp.ts';
import { flowsOf, historyOf, type Outcome, play } from './movement.ts';
import { type Demand, FULL_NAT, type NodePlan, planNode, TUNNEL } from './plan.ts';

const ROUTERS: readonly (readonly [RouterKind, string])[] = [
  ['modulo', 'hash modulo balancers'],
  ['threshold', 'regions of the hash (RFC 2992)'],
  ['resilient', 'resilient group'],
];

const FLOWS = 100_000;
const NODES = 20;
const SERVERS = { count: 1000, tableSlots: 65_537 } as const;

const DEMAND: Demand = {
  flows: 100e6,
  gigabitsPerSecond: 100,
  nodes: 20,
  packetBytes: 800,
  flowSeconds: 100,
  repliesPerRequest: 1,
};

/** What happens to flows, by router, event and servers that were replaced. */
export function movementTable(): string {
  const histories = [0, 10, 100].map((replaced) => ({
    replaced,
    history: historyOf({ ...SERVERS, replaced }),
  }));
  const flows = flowsOf(FLOWS);
  const rows = ROUTERS.flatMap(([router, name]) =>
    (['loss', 'join'] as const).flatMap((event) =>
      histories.map(({ replaced, history }) => [
        name,
        event === 'loss' ? '20 to 19' : '20 to 21',
        `${replaced} of 1,000`,
        ...outcomeCells(play({ flows, nodes: NODES, router, event }, history)),
      ]),
    ),
  );
  return table(
    ['router', 'balancers', 'servers replaced', 'moved', 'end: Maglev', 'end: ring', 'busiest'],
    rows,
  );
}

function outcomeCells({ moved, endedByMaglev, endedByRing, busiest }: Outcome): readonly string[] {
  return [percent(moved), percent(endedByMaglev), percent(endedByRing), busiest.toFixed(2)];
}

/** What larger tables are good for: one balancer of 20 lost, 10 servers of 1,000 replaced. */
export function slotsTable(): string {
  const story = { flows: flowsOf(FLOWS), nodes: NODES, router: 'modulo', event: 'loss' } as const;
  const rows = [4093, 16_381, 65_537, 131_071].map((tableSlots) => {
    const history = historyOf({ ...SERVERS, tableSlots, replaced: 10 });
    return [count(tableSlots), percent(play(story, history).endedByMaglev)];
  });
  return table(['slots of `mh_table`', 'end: Maglev'], rows);
}

/** What each balancer needs. */
export function planTable(): string {
  const lost = { ...DEMAND, nodes: DEMAND.nodes - 1 };
  const share = DEMAND.flows / DEMAND.nodes;
  const columns: readonly (readonly [string, NodePlan])[] = [
    ['tunnel, 20 balancers', planNode(DEMAND, TUNNEL, { replies: false })],
    ['tunnel, 19, resilient', planNode(lost, TUNNEL, { replies: false })],
    [
      'tunnel, 19, modulo',
      planNode(lost, TUNNEL, { replies: false, keptFromBefore: share * 0.95 }),
    ],
    ['full NAT, 20', planNode(DEMAND, FULL_NAT, { replies: true })],
    ['full NAT, 19, resilient', planNode(lost, FULL_NAT, { replies: true })],
  ];
  const row = (name: string, value: (plan: NodePlan) => string): readonly string[] => [
    name,
    ...columns.map(([, plan]) => value(plan)),
  ];
  return table(
    ['each balancer', ...columns.map(([name]) => name)],
    [
      row('flows, million', ({ flows }) => (flows / 1e6).toFixed(2)),
      row('table entries, million', ({ entries }) => (entries / 1e6).toFixed(2)),
      row('memory of the table, GB', ({ memoryBytes }) => (memoryBytes / 1e9).toFixed(2)),
      row('packets per second, million', ({ packetsPerSecond }) =>
        (packetsPerSecond / 1e6).toFixed(2),
      ),
      row('new flows per second', ({ newFlowsPerSecond }) => count(Math.round(newFlowsPerSecond))),
      row('cores in the program', ({ cores }) => cores.toFixed(2)),
      row('one collection, s', ({ collectionSeconds }) => collectionSeconds.toFixed(2)),
    ],
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = `|${'---|'.repeat(head.length)}`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
