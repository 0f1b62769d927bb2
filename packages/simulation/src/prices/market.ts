/**
 * Outside prices of all tokens, step by step, from one stream.
 *
 * The order of draws in a step: one normal for each token with a process, in token order; then what
 * the processes draw besides, in token order; then the bootstrap's index.
 *
 * @module
 */
import type { Stream, StreamState } from '../random/stream.ts';
import { correlate } from './correlation.ts';
import { logReturns, type PriceCursor, type PriceTable, priceCursor } from './price-table.ts';
import { BootstrapIndex, type TokenProcess } from './processes.ts';

/** Where a token's prices come from. */
export type TokenSource =
  | { readonly kind: 'constant' }
  | { readonly kind: 'process'; readonly process: TokenProcess }
  /** A column of recorded rows, at the run's own times. */
  | {
      readonly kind: 'historical';
      readonly table: PriceTable;
      readonly column: number;
      readonly interpolate: 'hold' | 'linear';
    }
  /** Recorded returns, drawn anew; tokens with the same table move together. */
  | {
      readonly kind: 'bootstrap';
      readonly table: PriceTable;
      readonly column: number;
      readonly meanBlock: number;
    };

/** Prices times `factor` from a step on. */
export interface Shock {
  readonly step: number;
  readonly token: number;
  readonly factor: number;
}

export interface MarketOptions {
  readonly sources: readonly TokenSource[];
  readonly start: readonly number[];
  /** Cholesky factor over the tokens with a process, in order; null when they are independent. */
  readonly correlation: readonly Float64Array[] | null;
  readonly shocks: readonly Shock[];
  readonly stream: Stream;
  readonly startTime: number;
  readonly stepSeconds: number;
}

interface State {
  readonly stream: StreamState;
  readonly base: Float64Array;
  readonly step: number;
  readonly factors: Float64Array;
  readonly processes: readonly (readonly number[])[];
  readonly indexes: readonly number[];
}

export class Market {
  readonly #options: MarketOptions;
  /** Prices before shocks. */
  readonly #base: Float64Array;
  readonly #factors: Float64Array;
  readonly #normals: Float64Array;
  readonly #withProcess: readonly number[];
  readonly #cursors = new Map<PriceTable, PriceCursor>();
  readonly #bootstraps = new Map<
    PriceTable,
    { readonly index: BootstrapIndex; readonly returns: Float64Array }
  >();
  readonly #row: Float64Array;
  #step = 0;

  constructor(options: MarketOptions) {
    this.#options = options;
    this.#base = Float64Array.from(options.start);
    this.#factors = new Float64Array(options.start.length).fill(1);
    this.#withProcess = options.sources.flatMap(({ kind }, i) => (kind === 'process' ? [i] : []));
    this.#normals = new Float64Array(this.#withProcess.length);
    let width = 0;
    for (const source of options.sources) {
      if (source.kind === 'historical')
        this.#cursors.set(source.table, priceCursor(source.table, source.interpolate));
      if (source.kind === 'bootstrap' && !this.#bootstraps.has(source.table)) {
        const returns = logReturns(source.table);
        const count = returns.length / source.table.symbols.length;
        this.#bootstraps.set(source.table, {
          index: new BootstrapIndex(count, source.meanBlock),
          returns,
        });
      }
      if ('table' in source) width = Math.max(width, source.table.symbols.length);
    }
    this.#row = new Float64Array(width);
    this.#readHistory();
  }

  /** Writes the prices before the first step. */
  start(out: Float64Array): void {
    this.#write(out);
  }

  /** Takes a step and writes the prices after it. */
  next(out: Float64Array): void {
    const { sources, correlation, stream, shocks } = this.#options;
    this.#step++;
    const count = this.#withProcess.length;
    for (let i = 0; i < count; i++) this.#normals[i] = stream.normal();
    if (correlation !== null) correlate(correlation, this.#normals);
    for (let i = 0; i < count; i++) {
      const token = this.#withProcess[i]!;
      const source = sources[token]!;
      if (source.kind !== 'process') continue;
      this.#base[token] = source.process.next(this.#base[token]!, this.#normals[i]!, stream);
    }
    for (const [table, { index, returns }] of this.#bootstraps) {
      const row = index.next(stream) * table.symbols.length;
      for (const [token, source] of sources.entries()) {
        if (source.kind !== 'bootstrap' || source.table !== table) continue;
        this.#base[token] = this.#base[token]! * Math.exp(returns[row + source.column]!);
      }
    }
    this.#readHistory();
    for (const shock of shocks) {
      if (shock.step === this.#step)
        this.#factors[shock.token] = this.#factors[shock.token]! * shock.factor;
    }
    this.#write(out);
  }

  save(): unknown {
    const { sources, stream } = this.#options;
    return {
      stream: stream.save(),
      base: this.#base.slice(),
      step: this.#step,
      factors: this.#factors.slice(),
      processes: sources.map((source) => (source.kind === 'process' ? source.process.save() : [])),
      indexes: [...this.#bootstraps.values()].map(({ index }) => index.index),
    } satisfies State;
  }

  restore(saved: unknown): void {
    const state = saved as State;
    const { sources, stream } = this.#options;
    stream.restore(state.stream);
    this.#base.set(state.base);
    this.#factors.set(state.factors);
    this.#step = state.step;
    sources.forEach(
      (source, i) => source.kind === 'process' && source.process.restore(state.processes[i]!),
    );
    [...this.#bootstraps.values()].forEach(({ index }, i) => (index.index = state.indexes[i]!));
  }

  #readHistory(): void {
    const { sources, startTime, stepSeconds } = this.#options;
    for (const [table, cursor] of this.#cursors) {
      cursor.at(startTime + this.#step * stepSeconds, this.#row);
      for (const [token, source] of sources.entries()) {
        if (source.kind === 'historical' && source.table === table)
          this.#base[token] = this.#row[source.column]!;
      }
    }
  }

  #write(out: Float64Array): void {
    for (let i = 0; i < out.length; i++) out[i] = this.#base[i]! * this.#factors[i]!;
  }
}
