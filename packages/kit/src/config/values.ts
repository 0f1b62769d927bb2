/**
 * Schemas of the value types that configuration files share: durations, sizes, integers in a range.
 * Each is a codec, so that an effective configuration can be written back as TOML.
 *
 * @module
 */
import { z } from 'zod';
import { show } from './show.ts';

/** Bounds of a duration in milliseconds, both inclusive. */
export interface DurationBounds {
  readonly minMs?: number;
  readonly maxMs?: number;
}

/** Bounds of a size in bytes, both inclusive. */
export interface SizeBounds {
  readonly minBytes?: number;
  readonly maxBytes?: number;
}

/** Bounds of an integer, both inclusive. */
export interface IntegerBounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Schema of a duration: an integer is seconds, a string carries its unit (`"250ms"`, `"5s"`,
 * `"10m"`, `"1h"`). The value is in milliseconds.
 */
export function duration(bounds: DurationBounds = {}): z.ZodType<number, number | string> {
  return measure({ ...DURATION, min: bounds.minMs, max: bounds.maxMs });
}

/** Schema of a size: an integer is bytes, a string carries its unit (`"64KiB"`, `"1MiB"`). */
export function size(bounds: SizeBounds = {}): z.ZodType<number, number | string> {
  return measure({ ...SIZE, min: bounds.minBytes, max: bounds.maxBytes });
}

/** Schema of an integer in a range; the message is `must be an integer from 0 to 9; got 10`. */
export function integer({ min, max }: IntegerBounds): z.ZodType<number, number> {
  const error = ({ input }: { readonly input?: unknown }): string =>
    `must be an integer from ${min} to ${max}; got ${show(input)}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A duration as a configuration file writes it, in the largest unit that keeps it whole. */
export function formatDuration(ms: number): string {
  return formatMeasure(ms, DURATION.units);
}

/** A size as a configuration file writes it, in the largest unit that keeps it whole. */
export function formatSize(bytes: number): string {
  return formatMeasure(bytes, SIZE.units);
}

interface Measure {
  readonly what: string;
  /** Unit name to factor, largest first. */
  readonly units: Readonly<Record<string, number>>;
  /** Factor of a plain integer. */
  readonly integerFactor: number;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

const DURATION: Measure = {
  what: 'a duration: seconds, or a string such as "250ms", "5s", "10m", "1h"',
  units: { h: 3_600_000, m: 60_000, s: 1000, ms: 1 },
  integerFactor: 1000,
};

const SIZE: Measure = {
  what: 'a size: bytes, or a string such as "64KiB", "1MiB"',
  units: { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 },
  integerFactor: 1,
};

function measure(kind: Measure): z.ZodType<number, number | string> {
  return z.codec(
    z.union([z.int(), z.string()], { error: (issue) => wrong(kind, issue.input) }),
    z.number(),
    {
      decode: (input, context) => {
        const value = readMeasure(input, kind);
        const message = value === null ? wrong(kind, input) : outOfBounds(value, kind);
        if (value !== null && message === null) return value;
        context.issues.push({ code: 'custom', message: message ?? '', input });
        return z.NEVER;
      },
      encode: (value) => formatMeasure(value, kind.units),
    },
  );
}

function wrong({ what }: Measure, input: unknown): string {
  return `must be ${what}; got ${show(input)}`;
}

function readMeasure(input: number | string, { units, integerFactor }: Measure): number | null {
  if (typeof input === 'number') return input < 0 ? null : input * integerFactor;
  const match = /^(\d+)\s*([A-Za-z]+)$/.exec(input);
  const factor = match === null ? undefined : units[match[2]!];
  if (match === null || factor === undefined) return null;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) ? value : null;
}

function outOfBounds(value: number, { units, min = 0, max = Infinity }: Measure): string | null {
  if (value >= min && value <= max) return null;
  const got = formatMeasure(value, units);
  if (min === 0) return `must be at most ${formatMeasure(max, units)}; got ${got}`;
  if (max === Infinity) return `must be at least ${formatMeasure(min, units)}; got ${got}`;
  return `must be from ${formatMeasure(min, units)} to ${formatMeasure(max, units)}; got ${got}`;
}

function formatMeasure(value: number, units: Readonly<Record<string, number>>): string {
  const names = Object.keys(units);
  const largest = names.find((name) => Number.isInteger(value / units[name]!));
  const zero = ZERO_UNITS.find((name) => name in units);
  const chosen = (value === 0 ? zero : largest) ?? names.at(-1)!;
  return `${value / units[chosen]!}${chosen}`;
}

/** Zero is whole in every unit; these read best. */
const ZERO_UNITS = ['s', 'B'];
