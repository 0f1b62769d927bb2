/**
 * Spaces of actions and observations, in the shape of Gymnasium.
 *
 * Source: M. Towers et al., "Gymnasium: A Standard Interface for Reinforcement Learning
 * Environments", 2024.
 *
 * @module
 */
import type { Stream } from '../random/stream.ts';

export interface Space<T> {
  sample(stream: Stream): T;
  contains(value: unknown): boolean;
}

/** Numbers within bounds, one pair per entry. */
export class Box implements Space<Float64Array> {
  readonly low: readonly number[];
  readonly high: readonly number[];

  constructor(low: readonly number[], high: readonly number[]) {
    this.low = low;
    this.high = high;
  }

  sample(stream: Stream): Float64Array {
    return Float64Array.from(this.low, (low, i) => low + (this.high[i]! - low) * stream.uniform());
  }

  contains(value: unknown): boolean {
    const list =
      value instanceof Float64Array || Array.isArray(value) ? (value as ArrayLike<unknown>) : null;
    if (list?.length !== this.low.length) return false;
    return this.low.every(
      (low, i) => typeof list[i] === 'number' && list[i] >= low && list[i] <= this.high[i]!,
    );
  }
}

/** 0 .. n - 1. */
export class Discrete implements Space<number> {
  readonly n: number;

  constructor(n: number) {
    this.n = n;
  }

  sample(stream: Stream): number {
    return stream.below(this.n);
  }

  contains(value: unknown): boolean {
    return Number.isInteger(value) && (value as number) >= 0 && (value as number) < this.n;
  }
}

/** Several choices at once. */
export class MultiDiscrete implements Space<number[]> {
  readonly sizes: readonly number[];

  constructor(sizes: readonly number[]) {
    this.sizes = sizes;
  }

  sample(stream: Stream): number[] {
    return this.sizes.map((size) => stream.below(size));
  }

  contains(value: unknown): boolean {
    return (
      Array.isArray(value) &&
      value.length === this.sizes.length &&
      value.every(
        (each, i) =>
          Number.isInteger(each) && (each as number) >= 0 && (each as number) < this.sizes[i]!,
      )
    );
  }
}

/** Spaces by name. */
export class Dict<T extends Readonly<Record<string, unknown>>> implements Space<T> {
  readonly spaces: { readonly [K in keyof T]: Space<T[K]> };

  constructor(spaces: { readonly [K in keyof T]: Space<T[K]> }) {
    this.spaces = spaces;
  }

  sample(stream: Stream): T {
    return Object.fromEntries(
      Object.entries(this.spaces).map(([name, space]) => [name, space.sample(stream)]),
    ) as T;
  }

  contains(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const names = Object.keys(this.spaces);
    return (
      Object.keys(value).length === names.length &&
      names.every((name) => this.spaces[name]!.contains((value as Record<string, unknown>)[name]))
    );
  }
}
