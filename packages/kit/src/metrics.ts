/**
 * Counters, gauges and histograms in the Prometheus text format. The only file that knows
 * prom-client, and loads it when somebody counts or asks for the first time: many processes never do.
 *
 * @module
 */
import { createRequire } from 'node:module';
import type * as prom from 'prom-client';

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
  #made: Made | undefined;
  /** Metrics that were defined before anything was made, in their order. */
  #defined: ((made: Made) => unknown)[] = [];

  /** `Content-Type` of `text()`. */
  get contentType(): string {
    return this.#make().registry.contentType;
  }

  counter<L extends string = never>(options: CollectedMetricOptions<L>): Counter<L> {
    const metric = this.#define((made) => {
      const counter = new made.library.Counter(configOf(options, made));
      collectInto(counter, options.collect, (labels, value) => counter.inc(labels, value));
      return counter;
    });
    return {
      inc: (labels, by = 1) => metric().inc(labels, by),
      remove: (labels) => metric().remove(labels),
    };
  }

  gauge<L extends string = never>(options: CollectedMetricOptions<L>): Gauge<L> {
    const metric = this.#define((made) => {
      const gauge = new made.library.Gauge(configOf(options, made));
      collectInto(gauge, options.collect, (labels, value) => gauge.set(labels, value));
      return gauge;
    });
    return {
      set: (labels, value) => metric().set(labels, value),
      inc: (labels, by = 1) => metric().inc(labels, by),
      dec: (labels, by = 1) => metric().dec(labels, by),
      remove: (labels) => metric().remove(labels),
    };
  }

  histogram<L extends string = never>(options: HistogramOptions<L>): Histogram<L> {
    const metric = this.#define((made) => histogramOf(options, made));
    return {
      observe: (labels, value) => metric().observe(labels, value),
      remove: (labels) => metric().remove(labels),
    };
  }

  /** A histogram whose observations are counted elsewhere, where observing must cost nothing. */
  collectedHistogram<L extends string = never>(options: CollectedHistogramOptions<L>): void {
    const { name, help, buckets, collect } = options;
    const get = () =>
      Promise.resolve({
        name,
        help,
        type: 'histogram',
        aggregator: 'sum',
        values: [...collect()].flatMap((sample) => histogramValues(name, buckets, sample)),
      });
    // The text is made from the second where it exists; the types know neither it nor the type's name.
    this.#define((made) =>
      Object.assign(histogramOf(options, made), { get, getForPromString: get }),
    );
  }

  /** All series in the Prometheus text exposition format 0.0.4. */
  async text(): Promise<string> {
    return this.#make().registry.metrics();
  }

  /** @returns The metric, which is made when it is needed first. */
  #define<T>(create: (made: Made) => T): () => T {
    let metric: T | undefined;
    const get = (made: Made): T => (metric ??= create(made));
    if (this.#made) get(this.#made);
    else this.#defined.push(get);
    return () => metric ?? get(this.#make());
  }

  #make(): Made {
    if (this.#made) return this.#made;
    const library = require('prom-client') as typeof prom;
    this.#made = { library, registry: new library.Registry() };
    for (const create of this.#defined.splice(0)) create(this.#made);
    return this.#made;
  }
}

/** The library, and the registry that one {@link Metrics} has of it. */
interface Made {
  readonly library: typeof prom;
  readonly registry: prom.Registry;
}

const require = createRequire(import.meta.url);

function configOf<L extends string>(
  { name, help, labels = [] }: MetricOptions<L>,
  { registry }: Made,
): { name: string; help: string; labelNames: L[]; registers: prom.Registry[] } {
  return { name, help, labelNames: [...labels], registers: [registry] };
}

function histogramOf<L extends string>(
  options: HistogramOptions<L>,
  made: Made,
): prom.Histogram<L> {
  return new made.library.Histogram({ ...configOf(options, made), buckets: [...options.buckets] });
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
