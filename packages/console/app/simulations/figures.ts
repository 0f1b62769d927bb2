/**
 * Figures of simulations for people: four significant digits, thousands apart.
 *
 * @module
 */
import { UNKNOWN_FIGURE } from '../../src/format.ts';

const LARGE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SMALL = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

export function formatFigure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN_FIGURE;
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e12 || size < 1e-5)) return value.toExponential(2);
  return (size >= 1000 ? LARGE : SMALL)
    .format(value)
    .replaceAll(',', '\u202F')
    .replace('-', '\u2212');
}
