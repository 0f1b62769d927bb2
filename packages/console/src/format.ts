/**
 * Figures for people, the same in the browser and in the terminal.
 *
 * @module
 */

/** What stands where a figure is not known. */
export const UNKNOWN_FIGURE = '–';

/** `1,234,567`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 connection`, `1,234 connections`. */
export function formatCounted(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Three significant digits at most: `0`, `0.25`, `7.5`, `123`, `12.3 k`, `4.5 M`. */
export function formatRate(value: number | null): string {
  if (value === null) return UNKNOWN_FIGURE;
  if (value < 999.5) return threeDigits(value);
  return value < 999_500 ? `${threeDigits(value / 1000)} k` : `${threeDigits(value / 1e6)} M`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Three significant digits at most with a binary unit: `0 B`, `1.5 KiB`, `12.3 MiB`. */
export function formatBytes(value: number | null): string {
  if (value === null) return UNKNOWN_FIGURE;
  let scaled = value;
  let unit = 0;
  // 999.5 would be written with four digits, so the next unit begins there and not at 1024.
  while (scaled >= 999.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(scaled) : threeDigits(scaled)} ${BYTE_UNITS[unit]}`;
}

/** The two largest units: `12 s`, `3 min 20 s`, `5 h 7 min`, `12 d 3 h`. Negative counts as 0. */
export function formatSeconds(value: number): string {
  const seconds = Math.max(0, Math.floor(value));
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  const shown = units.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** The largest unit alone: `12 s`, `3 min`, `5 h`, `12 d`. Negative counts as 0. */
export function formatAge(seconds: number): string {
  return formatSeconds(seconds).split(' ').slice(0, 2).join(' ');
}

/** `0.42 ms`, `12 ms`, `1.5 s`. */
export function formatMilliseconds(value: number): string {
  return value < 999.5 ? `${threeDigits(value)} ms` : `${threeDigits(value / 1000)} s`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  const decimals = value >= 9.995 ? 1 : 2;
  return String(Number(value.toFixed(decimals)));
}
