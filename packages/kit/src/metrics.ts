/**
 * Counters, gauges and histograms in the Prometheus text format. The only file that knows
 * prom-client.
 *
 * @module
 */
import * as prom from 'prom-client';

/** Values of all labels of one time series. */
export type Labels<L extends string> = Readonly<Record<L, string | number>>;

/** One value of one time series. */
export interface Sample<L extends string> {
  readonly labels: Labels<L>;
  readonly value: number;
}

export interface MetricOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
}

export interface CollectedMetricOptions<L extends string> extends MetricOptions<L> {
  /** When given, the series are exactly what it returns at each scrape; totals for a counter. */
  readonly collect?: () => Iterable<Sample<L>>;
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Upper bounds in ascending order, without +Inf. */
  readonly buckets: readonly number[];
}

/** Observations of one time series that were counted elsewhere. */
export interface HistogramSample<L extends string> {
  readonly labels: Labels<L>;
  /** Observations per bucket, not cumulative, with one more entry than there are bounds. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export interface CollectedHistogramOptions<L extends string> extends HistogramOptions<L> {
  /** The series are exactly what it returns at each scrape. */
  readonly collect: () => Iterable<HistogramSample<L>>;
}

export interface Counter<L extends string> {
  /** Adds `by` (>= 0, default 1). */
  inc(labels: Labels<L>, by?: number): void;
  /** Forgets one series. */
  remove(labels: Labels<L>): void;
}

export interface Gauge<L extends string> {
  set(labels: Labels<L>, value: number): void;
  inc(labels: Labels<L>, by?: number): void;
  dec(labels: Labels<L>, by?: number): void;
  remove(labels: Labels<L>): void;
}

export interface Histogram<L extends string> {
  observe(labels: Labels<L>, value: number): void;
  remove(labels: Labels<L>): void;
}

/** One registry of metrics; nothing is shared between two of them. */
export class Metrics {
  readonly #registry = new prom.Registry();

  /** `Content-Type` of `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  counter<L extends string = never>(options: CollectedMetricOptions<L>): Counter<L> {
    const metric = new prom.Counter(this.#config(options));
    collectInto(metric, options.collect, (labels, value) => metric.inc(labels, value));
    return {
      inc: (labels, by = 1) => metric.inc(labels, by),
      remove: (labels) => metric.remove(labels),
    };
  }

  gauge<L extends string = never>(options: CollectedMetricOptions<L>): Gauge<L> {
    const metric = new prom.Gauge(this.#config(options));
    collectInto(metric, options.collect, (labels, value) => metric.set(labels, value));
    return {
      set: (labels, value) => metric.set(labels, value),
      inc: (labels, by = 1) => metric.inc(labels, by),
      dec: (labels, by = 1) => metric.dec(labels, by),
      remove: (labels) => metric.remove(labels),
    };
  }

  histogram<L extends string = never>(options: HistogramOptions<L>): Histogram<L> {
    const metric = new prom.Histogram({ ...this.#config(options), buckets: [...options.buckets] });
    return {
      observe: (labels, value) => metric.observe(labels, value),
      remove: (labels) => metric.remove(labels),
    };
  }

  /** A histogram whose observations are counted elsewhere, where observing must cost nothing. */
  collectedHistogram<L extends string = never>(options: CollectedHistogramOptions<L>): void {
    const { name, help, buckets, collect } = options;
    const metric = new prom.Histogram({ ...this.#config(options), buckets: [...buckets] });
    const get = () =>
      Promise.resolve({
        name,
        help,
        type: 'histogram',
        aggregator: 'sum',
        values: [...collect()].flatMap((sample) => histogramValues(name, buckets, sample)),
      });
    // The text is made from the second where it exists; the types know neither it nor the type's name.
    Object.assign(metric, { get, getForPromString: get });
  }

  /** All series in the Prometheus text exposition format 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #config<L extends string>(
    options: MetricOptions<L>,
  ): {
    name: string;
    help: string;
    labelNames: L[];
    registers: prom.Registry[];
  } {
    return {
      name: options.name,
      help: options.help,
      labelNames: [...(options.labels ?? [])],
      registers: [this.#registry],
    };
  }
}

type HistogramValue = prom.MetricValueWithName<string>;

/** The lines of one histogram series: cumulative buckets, sum, count. */
function histogramValues<L extends string>(
  name: string,
  bounds: readonly number[],
  { labels, counts, sum }: HistogramSample<L>,
): HistogramValue[] {
  let count = 0;
  const values = [...bounds, '+Inf'].map((le, index): HistogramValue => {
    count += counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  values.push({ metricName: `${name}_sum`, labels, value: sum });
  values.push({ metricName: `${name}_count`, labels, value: count });
  return values;
}

function collectInto<L extends string>(
  metric: { reset(): void; collect?: unknown },
  collect: (() => Iterable<Sample<L>>) | undefined,
  write: (labels: Labels<L>, value: number) => void,
): void {
  if (collect === undefined) return;
  metric.collect = () => {
    metric.reset();
    for (const { labels, value } of collect()) write(labels, value);
  };
}
