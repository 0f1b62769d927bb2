/**
 * What happened during the last minutes, worked out from successive statistics documents: a document
 * holds totals, and the difference of two totals over the time between them is a rate.
 *
 * A difference says nothing when the totals began anew (the process was replaced, a server was
 * removed and added) or when nobody looked for a while. Such a place is a gap: `null` in every
 * column, which a chart draws as a break and never as a dip or a spike.
 *
 * @module
 */
import type { Statistics } from '@balancer/lb';

/** One column per figure, one row per time of the history. `null` where a figure is not known. */
export interface Series {
  /** New connections per second. */
  readonly connections: readonly (number | null)[];
  /** Bytes per second from clients to servers. */
  readonly bytesTx: readonly (number | null)[];
  /** Bytes per second from servers to clients. */
  readonly bytesRx: readonly (number | null)[];
  /** Connections open at that time. */
  readonly open: readonly (number | null)[];
}

/** The row of a series that was recorded last. */
export type Latest = { readonly [Figure in keyof Series]: number | null };

export interface HistoryOptions {
  /** Rows older than this are dropped; default 5 minutes. */
  readonly windowMs?: number;
  /** A longer silence between two documents is a gap; default 7 s. */
  readonly gapMs?: number;
  /**
   * A document that follows sooner gets no row, because a rate over a moment is mostly noise; default
   * 500 ms.
   */
  readonly stepMinMs?: number;
}

interface Totals {
  readonly connections: number;
  readonly bytesTx: number;
  readonly bytesRx: number;
  readonly open: number;
}

const FIGURES = ['connections', 'bytesTx', 'bytesRx', 'open'] as const;

const UNKNOWN: Latest = { connections: null, bytesTx: null, bytesRx: null, open: null };

/** One series with the totals from which its next row follows. */
class Track {
  readonly columns: { readonly [Figure in keyof Series]: (number | null)[] };
  private previous: Totals | undefined;

  /** @param rows - Rows that other series already have. */
  constructor(rows: number) {
    const empty = (): null[] => Array.from({ length: rows }, () => null);
    this.columns = { connections: empty(), bytesTx: empty(), bytesRx: empty(), open: empty() };
  }

  /** @param seconds - Since the previous row; `undefined` when a rate would say nothing. */
  add(totals: Totals, seconds: number | undefined): void {
    const { previous, columns } = this;
    this.previous = totals;
    const isComparable =
      previous !== undefined &&
      seconds !== undefined &&
      totals.connections >= previous.connections &&
      totals.bytesTx >= previous.bytesTx &&
      totals.bytesRx >= previous.bytesRx;
    const rate = (figure: 'connections' | 'bytesTx' | 'bytesRx'): number | null =>
      isComparable ? (totals[figure] - previous[figure]) / seconds : null;
    columns.connections.push(rate('connections'));
    columns.bytesTx.push(rate('bytesTx'));
    columns.bytesRx.push(rate('bytesRx'));
    columns.open.push(totals.open);
  }

  addGap(): void {
    for (const figure of FIGURES) this.columns[figure].push(null);
  }

  dropRows(count: number): void {
    for (const figure of FIGURES) this.columns[figure].splice(0, count);
  }
}

/** The last minutes of every frontend, backend and server. Bounded by time and by the document. */
export class StatisticsHistory {
  private readonly windowMs: number;
  private readonly gapMs: number;
  private readonly stepMinMs: number;
  private readonly rowTimes: number[] = [];
  private tracks = new Map<string, Track>();
  private latestProcess: { readonly pid: number; readonly uptime_s: number } | undefined;

  constructor({ windowMs = 300_000, gapMs = 7000, stepMinMs = 500 }: HistoryOptions = {}) {
    this.windowMs = windowMs;
    this.gapMs = gapMs;
    this.stepMinMs = stepMinMs;
  }

  /** Time of each row, as given to {@link record}, oldest first. */
  get times(): readonly number[] {
    return this.rowTimes;
  }

  /**
   * Adds a row to every series, unless the last one is too young.
   *
   * @param atMs - When the document was read, on any clock that never goes back.
   */
  record(statistics: Statistics, atMs: number): void {
    const previousMs = this.rowTimes.at(-1);
    const isContinued =
      previousMs !== undefined && atMs - previousMs <= this.gapMs && this.isSameProcess(statistics);
    if (isContinued && atMs - previousMs < this.stepMinMs) {
      this.dropOldRows(atMs - this.windowMs);
      return;
    }
    if (previousMs !== undefined && !isContinued) this.addGap((previousMs + atMs) / 2);
    this.latestProcess = statistics.process;

    const seconds = isContinued ? (atMs - previousMs) / 1000 : undefined;
    const rows = this.rowTimes.length;
    const tracks = new Map<string, Track>();
    for (const [key, totals] of totalsOf(statistics)) {
      const track = this.tracks.get(key) ?? new Track(rows);
      track.add(totals, seconds);
      tracks.set(key, track);
    }
    this.tracks = tracks;
    this.rowTimes.push(atMs);
    this.dropOldRows(atMs - this.windowMs);
  }

  /** All frontends together. */
  get whole(): Series {
    return this.series(WHOLE);
  }

  frontend(name: string): Series {
    return this.series(frontendKey(name));
  }

  backend(name: string): Series {
    return this.series(backendKey(name));
  }

  server(backend: string, address: string): Series {
    return this.series(serverKey(backend, address));
  }

  private series(key: string): Series {
    return (this.tracks.get(key) ?? new Track(this.rowTimes.length)).columns;
  }

  private isSameProcess({ process }: Statistics): boolean {
    const { latestProcess: latest } = this;
    return latest?.pid === process.pid && process.uptime_s >= latest.uptime_s;
  }

  private addGap(atMs: number): void {
    this.rowTimes.push(atMs);
    for (const track of this.tracks.values()) track.addGap();
  }

  private dropOldRows(beforeMs: number): void {
    const count = this.rowTimes.findIndex((timeMs) => timeMs >= beforeMs);
    if (count <= 0) return;
    this.rowTimes.splice(0, count);
    for (const track of this.tracks.values()) track.dropRows(count);
  }
}

/** The last row of a series. */
export function latestOf(series: Series): Latest {
  return rowOf(series, series.open.length - 1);
}

/** One row of a series; every figure `null` where there is none. */
export function rowOf({ connections, bytesTx, bytesRx, open }: Series, row: number): Latest {
  if (!(row in open)) return UNKNOWN;
  return {
    connections: connections[row]!,
    bytesTx: bytesTx[row]!,
    bytesRx: bytesRx[row]!,
    open: open[row]!,
  };
}

const WHOLE = 'whole';
const frontendKey = (name: string): string => `frontend ${name}`;
const backendKey = (name: string): string => `backend ${name}`;
const serverKey = (backend: string, address: string): string =>
  `server ${JSON.stringify([backend, address])}`;

function* totalsOf(statistics: Statistics): Generator<[string, Totals]> {
  yield [
    WHOLE,
    {
      connections: statistics.total_connections,
      bytesTx: statistics.total_bytes_tx,
      bytesRx: statistics.total_bytes_rx,
      open: statistics.current_connections,
    },
  ];
  for (const [name, frontend] of Object.entries(statistics.frontends)) {
    yield [frontendKey(name), trafficTotals(frontend)];
  }
  for (const [name, backend] of Object.entries(statistics.backends)) {
    yield [backendKey(name), trafficTotals(backend)];
    for (const [address, server] of Object.entries(backend.server_stats)) {
      const { total, current, bytes_tx: bytesTx, bytes_rx: bytesRx } = server;
      yield [serverKey(name, address), { connections: total, bytesTx, bytesRx, open: current }];
    }
  }
}

function trafficTotals(traffic: {
  readonly total_connections: number;
  readonly current_connections: number;
  readonly bytes_tx: number;
  readonly bytes_rx: number;
}): Totals {
  return {
    connections: traffic.total_connections,
    bytesTx: traffic.bytes_tx,
    bytesRx: traffic.bytes_rx,
    open: traffic.current_connections,
  };
}
