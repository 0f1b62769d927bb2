/**
 * What frontends and servers count. A data plane adds to these numbers as it moves bytes; the
 * statistics page, the metrics and the admin API only read them.
 *
 * The numbers live in typed arrays: they pass 2^31 within minutes of bulk traffic, and a field
 * holding such a number would be boxed anew on every write. They are exact up to 2^53.
 *
 * @module
 */
import type { NumberGroup, Tallied } from './tally.ts';

/** Why a client was turned away before it reached a server. */
export const REFUSAL_REASONS = [
  'acl',
  'rate',
  'max_connections',
  'no_backend',
  'queue_full',
  'queue_timeout',
  'preread',
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Why a connection to a server could not be made. */
export const CONNECT_FAILURES = [
  'refused',
  'timeout',
  'unreachable',
  'no_port',
  'tls',
  'other',
] as const;

export type ConnectFailure = (typeof CONNECT_FAILURES)[number];

/** How a client's connection ended. */
export const END_REASONS = [
  'client_fin',
  'server_fin',
  'client_reset',
  'server_reset',
  'idle_timeout',
  'half_close_timeout',
  'max_age',
  'connect_failed',
  'no_backend',
  'queue_timeout',
  'queue_full',
  'acl',
  'rate',
  'max_connections',
  'preread',
  'drain',
  'marked_down',
  'admin',
  'error',
] as const;

export type EndReason = (typeof END_REASONS)[number];

const TX = 0;
const RX = 1;
const TOTAL = 2;
const CURRENT = 3;

/** Connections and bytes; `tx` is from client to server, `rx` from server to client. */
export class TrafficCounters implements Tallied {
  readonly gauges: readonly number[] = [CURRENT];
  private readonly values = new Float64Array(4);

  get numbers(): readonly NumberGroup[] {
    return [this.values];
  }

  get bytesTx(): number {
    return this.values[TX]!;
  }

  get bytesRx(): number {
    return this.values[RX]!;
  }

  get total(): number {
    return this.values[TOTAL]!;
  }

  get current(): number {
    return this.values[CURRENT]!;
  }

  /** Counts bytes sent by a client. Allocates nothing. */
  addTx(bytes: number): void {
    this.values[TX]! += bytes;
  }

  /** Counts bytes sent by a server. Allocates nothing. */
  addRx(bytes: number): void {
    this.values[RX]! += bytes;
  }

  opened(): void {
    this.values[TOTAL]! += 1;
    this.values[CURRENT]! += 1;
  }

  closed(): void {
    this.values[CURRENT]! -= 1;
  }

  /** Takes over what was counted elsewhere, such as in the kernel. */
  observe(counts: {
    readonly total: number;
    readonly current: number;
    readonly bytesTx: number;
    readonly bytesRx: number;
  }): void {
    this.values[TX] = counts.bytesTx;
    this.values[RX] = counts.bytesRx;
    this.values[TOTAL] = counts.total;
    this.values[CURRENT] = counts.current;
  }
}

/** Why a datagram of a client went nowhere. */
const UDP_DROPS = [
  'acl',
  'rate',
  'max_sessions',
  'no_backend',
  'queue_full',
  'too_large',
  'evicted',
] as const;

type UdpDrop = (typeof UDP_DROPS)[number];

/** Datagrams of one frontend. */
export interface UdpCounters {
  datagramsTx: number;
  datagramsRx: number;
  readonly dropped: Record<UdpDrop, number>;
}

/** Counts of one frontend. */
export class FrontendCounters extends TrafficCounters {
  readonly refused: Record<RefusalReason, number> = zeros(REFUSAL_REASONS);
  readonly udp: UdpCounters = { datagramsTx: 0, datagramsRx: 0, dropped: zeros(UDP_DROPS) };
  /** Connections by how they ended, with their durations. */
  readonly durations: Histogram = new Histogram(DURATION_BOUNDS_S, END_REASONS);

  override get numbers(): readonly NumberGroup[] {
    const { refused, udp, durations } = this;
    return [...super.numbers, refused, udp, udp.dropped, ...durations.numbers];
  }
}

/** Counts of one server of a backend. */
export class ServerCounters extends TrafficCounters {
  readonly connectFailures: Record<ConnectFailure, number> = zeros(CONNECT_FAILURES);
  readonly connectSeconds: Histogram = new Histogram(CONNECT_BOUNDS_S, ['']);
  readonly checks: { success: number; failure: number } = { success: 0, failure: 0 };

  /** All but the checks, which are not made by the process that connects. */
  override get numbers(): readonly NumberGroup[] {
    return [...super.numbers, this.connectFailures, ...this.connectSeconds.numbers];
  }

  get connectErrors(): number {
    return Object.values(this.connectFailures).reduce((sum, count) => sum + count, 0);
  }

  /** Mean time to connect in milliseconds; 0 before the first connection. */
  get connectMsAverage(): number {
    const connected = this.connectSeconds.count('');
    return connected === 0 ? 0 : (this.connectSeconds.sum('') * 1000) / connected;
  }
}

/** Counts of one backend that belong to none of its servers. */
export class BackendCounters implements Tallied {
  readonly gauges: readonly number[] = [0];
  /** Clients waiting for a server that is full. */
  queued = 0;
  /** Connection attempts after a failed one. */
  retries = 0;

  get numbers(): readonly NumberGroup[] {
    return [this];
  }
}

/** Upper bounds of the buckets, in seconds. */
export const CONNECT_BOUNDS_S: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Upper bounds of the buckets, in seconds. */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600,
];

/** Observations counted per bucket and label. Observing allocates nothing. */
export class Histogram {
  /** Upper bounds of the buckets, ascending; the last bucket has none. */
  readonly bounds: readonly number[];
  readonly labels: readonly string[];
  private readonly buckets: Float64Array;
  private readonly sums: Float64Array;

  constructor(bounds: readonly number[], labels: readonly string[]) {
    this.bounds = bounds;
    this.labels = labels;
    this.buckets = new Float64Array(labels.length * (bounds.length + 1));
    this.sums = new Float64Array(labels.length);
  }

  get numbers(): readonly NumberGroup[] {
    return [this.buckets, this.sums];
  }

  observe(label: string, value: number): void {
    const row = this.labels.indexOf(label);
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.buckets[row * (this.bounds.length + 1) + bucket]! += 1;
    this.sums[row]! += value;
  }

  /** Observations in each bucket, not cumulative; one more entry than there are bounds. */
  bucketCounts(label: string): Float64Array {
    const width = this.bounds.length + 1;
    const row = this.labels.indexOf(label);
    return this.buckets.subarray(row * width, (row + 1) * width);
  }

  sum(label: string): number {
    return this.sums[this.labels.indexOf(label)]!;
  }

  count(label: string): number {
    return this.bucketCounts(label).reduce((sum, count) => sum + count, 0);
  }
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}
