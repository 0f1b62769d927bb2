/**
 * `dpip link show`: interfaces with their queues, speed and counters.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import {
  type LinkDetails,
  type LinkSettings,
  readLinkSettings,
  SyscallError,
} from '@balancer/ebpf';
import { type DpipView, shownLinks, table, viewOf, type ViewSource } from './view.ts';

export interface LinkRow {
  readonly index: number;
  readonly name: string;
  /** NUMA node of the card. */
  readonly socket: number;
  readonly mtu: number;
  readonly rx_queues: number;
  readonly tx_queues: number;
  readonly up: boolean;
  readonly speed_mbps: number | null;
  readonly duplex: LinkSettings['duplex'];
  readonly negotiates: boolean;
  readonly promiscuous: boolean;
  readonly address: string;
  readonly xdp: string;
  readonly ipackets: number;
  readonly opackets: number;
  readonly ibytes: number;
  readonly obytes: number;
  readonly ierrors: number;
  readonly oerrors: number;
  readonly imissed: number;
  readonly idropped: number;
  readonly odropped: number;
  /** Per second since the look before; `null` at the first. */
  readonly rates: LinkRates | null;
}

interface LinkRates {
  readonly ipps: number;
  readonly opps: number;
  readonly ibps: number;
  readonly obps: number;
}

/**
 * The calling thread must be in the namespace that is shown.
 *
 * @param nowMs - A clock that does not go backwards.
 * @returns A function that shows the interfaces, from its second call on with their rates.
 */
export function linkView(nowMs: () => number): (source: ViewSource) => DpipView {
  let before = new Map<string, LinkRow>();
  let beforeMs = 0;
  return (source) => {
    const now = nowMs();
    const seconds = (now - beforeMs) / 1000;
    const rows = shownLinks(source).map((link): LinkRow => {
      const row = rowOf(link, linkSettings(link.name));
      const former = before.get(link.name);
      return former ? { ...row, rates: ratesBetween(former, row, seconds) } : row;
    });
    before = new Map(rows.map((row) => [row.name, row]));
    beforeMs = now;
    return viewOf(rows, (row) => [
      ...headLines(row),
      ...(source.statistics ? counterLines(row) : []),
    ]);
  };
}

function rowOf(link: LinkDetails, settings: LinkSettings | undefined): LinkRow {
  const { statistics } = link;
  return {
    index: link.ifindex,
    name: link.name,
    socket: numaNodeOf(link.name),
    mtu: link.mtu,
    rx_queues: link.rxQueues,
    tx_queues: link.txQueues,
    up: link.up,
    speed_mbps: settings?.speedMbps ?? null,
    duplex: settings?.duplex ?? 'unknown',
    negotiates: settings?.negotiates ?? false,
    promiscuous: link.promiscuity > 0,
    address: link.mac ?? '',
    xdp: link.xdpMode,
    ipackets: statistics.rxPackets,
    opackets: statistics.txPackets,
    ibytes: statistics.rxBytes,
    obytes: statistics.txBytes,
    ierrors: statistics.rxErrors,
    oerrors: statistics.txErrors,
    imissed: statistics.rxMissed,
    idropped: statistics.rxDropped,
    odropped: statistics.txDropped,
    rates: null,
  };
}

function ratesBetween(before: LinkRow, now: LinkRow, seconds: number): LinkRates {
  // An interface that was made anew counts from 0.
  const perSecond = (from: number, to: number): number =>
    Math.round(Math.max(0, to - from) / Math.max(seconds, 0.001));
  return {
    ipps: perSecond(before.ipackets, now.ipackets),
    opps: perSecond(before.opackets, now.opackets),
    ibps: perSecond(before.ibytes, now.ibytes) * 8,
    obps: perSecond(before.obytes, now.obytes) * 8,
  };
}

function headLines(row: LinkRow): string[] {
  const { index, name, socket, mtu, rx_queues, tx_queues, up, speed_mbps, duplex } = row;
  const negotiation = row.negotiates ? 'auto-nego' : 'fixed-nego';
  const speed = `${speed_mbps ?? 'unknown'} Mbps`;
  return [
    `${index}: ${name}: socket ${socket} mtu ${mtu} rx-queue ${rx_queues} tx-queue ${tx_queues}`,
    `    ${up ? 'UP' : 'DOWN'} ${speed} ${duplex}-duplex ${negotiation} promisc-${row.promiscuous ? 'on' : 'off'}`,
    `    addr ${row.address.toUpperCase() || '-'}${row.xdp === 'none' ? '' : ` xdp-${row.xdp}`}`,
  ];
}

const COLUMN = 20;

function counterLines(row: LinkRow): string[] {
  const { rates } = row;
  return table(
    [
      ['ipackets', 'opackets', 'ibytes', 'obytes'],
      [row.ipackets, row.opackets, row.ibytes, row.obytes],
      ['ierrors', 'oerrors', 'imissed', 'idropped', 'odropped'],
      [row.ierrors, row.oerrors, row.imissed, row.idropped, row.odropped],
      ...(rates
        ? [
            ['ipps', 'opps', 'ibps', 'obps'],
            [rates.ipps, rates.opps, rates.ibps, rates.obps],
          ]
        : []),
    ],
    COLUMN,
  );
}

/** `undefined` for interfaces without a cable, such as `lo`. */
function linkSettings(name: string): LinkSettings | undefined {
  try {
    return readLinkSettings(name);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

/** 0 where there is one node only, or no card. */
function numaNodeOf(name: string): number {
  try {
    const text = readFileSync(`/sys/class/net/${name}/device/numa_node`, 'utf8');
    return Math.max(0, Number(text) || 0);
  } catch {
    return 0;
  }
}
