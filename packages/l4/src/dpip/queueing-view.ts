/**
 * `dpip qsch show` and `dpip cls show`: queueing disciplines with their classes, and classifiers, which Linux
 * calls filters.
 *
 * @module
 */
import {
  listClasses,
  listFilters,
  listQueueing,
  type Queueing,
  type QueueStatistics,
  type RouteSocket,
} from '@balancer/ebpf';
import { type DpipView, shownLinks, viewOf, type ViewSource } from './view.ts';

const ROOT = 0xffff_ffff;
const CLSACT = 0xffff_fff1;
const INGRESS = 0xffff_fff2;
const EGRESS = 0xffff_fff3;

export interface QueueingRow {
  readonly kind: string;
  readonly handle: string;
  readonly dev: string;
  readonly parent: string;
  readonly rate_bps: number | null;
  readonly ceiling_bps: number | null;
  readonly limit: number | null;
  readonly classes: readonly Omit<QueueingRow, 'classes'>[];
  readonly statistics: QueueStatistics;
}

export function queueingView(source: ViewSource): DpipView {
  const { socket, statistics } = source;
  const names = new Map(shownLinks(source).map(({ ifindex, name }) => [ifindex, name]));
  const rows = listQueueing(socket)
    .filter(({ ifindex }) => names.has(ifindex))
    .map((queueing): QueueingRow => {
      const dev = names.get(queueing.ifindex)!;
      const classes = classesOf(socket, queueing).map((each) => rowOf(each, dev));
      return { ...rowOf(queueing, dev), classes };
    });
  return viewOf(rows, (row) => [
    `qsch ${row.kind} ${row.handle} dev ${row.dev} parent ${row.parent} flags 0x0 cls ${row.classes.length}`,
    ...parameterLines(row),
    ...(statistics ? [statisticsLine(row.statistics)] : []),
    ...row.classes.flatMap((each) => [
      ` class ${each.kind} ${each.handle} parent ${each.parent}${parameters(each)}`,
      ...(statistics ? [statisticsLine(each.statistics)] : []),
    ]),
  ]);
}

/** Classes that were made by somebody; those of `fq_codel` and the like are its queues. */
function classesOf(socket: RouteSocket, { ifindex, handle, kind }: Queueing): Queueing[] {
  if (handle === 0) return [];
  return listClasses(socket, ifindex).filter(
    (each) => each.kind === kind && each.handle >>> 16 === handle >>> 16,
  );
}

function rowOf(queueing: Queueing, dev: string): Omit<QueueingRow, 'classes'> {
  const { kind, handle, parent, statistics, rateBps, ceilingBps, limit } = queueing;
  return {
    kind,
    handle: handleText(handle),
    dev,
    parent: parentText(parent),
    rate_bps: rateBps ?? null,
    ceiling_bps: ceilingBps ?? null,
    limit: limit ?? null,
    statistics,
  };
}

function parameterLines(row: Omit<QueueingRow, 'classes'>): string[] {
  const text = parameters(row);
  return text === '' ? [] : [text];
}

function parameters({ kind, rate_bps, ceiling_bps, limit }: Omit<QueueingRow, 'classes'>): string {
  const unit = kind === 'bfifo' ? 'B' : 'p';
  return [
    rate_bps === null ? '' : ` rate ${rate_bps}bps`,
    ceiling_bps === null ? '' : ` ceil ${ceiling_bps}bps`,
    limit === null ? '' : ` limit ${limit}${unit}`,
  ].join('');
}

function statisticsLine(statistics: QueueStatistics): string {
  const { bytes, packets, drops, overlimits, backlogBytes, backlogPackets } = statistics;
  return ` sent ${bytes} bytes ${packets} pkts dropped ${drops} overlimits ${overlimits} backlog ${backlogBytes}b ${backlogPackets}p`;
}

export interface ClassifierRow {
  readonly kind: string;
  readonly handle: string;
  readonly dev: string;
  readonly qsch: string;
  readonly pkttype: string;
  readonly prio: number;
  /** Program of kind `bpf`. */
  readonly program: string | null;
}

export function classifierView(source: ViewSource): DpipView {
  const { socket } = source;
  const names = new Map(shownLinks(source).map(({ ifindex, name }) => [ifindex, name]));
  const places = listQueueing(socket)
    .filter(({ ifindex }) => names.has(ifindex))
    .flatMap(({ ifindex, kind, handle, parent }) => {
      const isHook = parent === CLSACT;
      const parents = isHook ? (kind === 'clsact' ? [INGRESS, EGRESS] : [handle]) : [handle];
      return parents.filter((each) => each !== 0).map((each) => ({ ifindex, parent: each }));
    });
  const rows = places.flatMap(({ ifindex, parent }) =>
    listFilters(socket, ifindex, parent).map((filter): ClassifierRow => ({
      kind: filter.kind,
      handle: `0x${filter.handle.toString(16)}`,
      dev: names.get(ifindex)!,
      qsch: parentText(parent),
      pkttype: packetType(filter.protocol),
      prio: filter.priority,
      program: filter.name ?? null,
    })),
  );
  return viewOf(rows, (row) => [
    `cls ${row.kind} ${row.handle} dev ${row.dev} qsch ${row.qsch} pkttype ${row.pkttype} prio ${row.prio}${row.program === null ? '' : ` target ${row.program}`}`,
  ]);
}

function handleText(handle: number): string {
  const minor = handle & 0xffff;
  return `${(handle >>> 16).toString(16)}:${minor === 0 ? '' : minor.toString(16)}`;
}

function parentText(parent: number): string {
  const names: Readonly<Record<number, string>> = {
    [ROOT]: 'root',
    [CLSACT]: 'clsact',
    [INGRESS]: 'ingress',
    [EGRESS]: 'egress',
  };
  return names[parent] ?? handleText(parent);
}

function packetType(protocol: number): string {
  const names: Readonly<Record<number, string>> = { 0x0003: 'all', 0x0800: 'ipv4', 0x86dd: 'ipv6' };
  return names[protocol] ?? `0x${protocol.toString(16).padStart(4, '0')}`;
}
