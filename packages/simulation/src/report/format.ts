/**
 * Numbers for people, four significant digits and thousands apart; text for HTML.
 *
 * @module
 */

/** `12 345 678`, `1.235`, `0.000 12`: as many digits as one reads. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e12 || size < 1e-6) return value.toExponential(3);
  const digits = size >= 1000 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(size)));
  const [whole, fraction] = value.toFixed(digits).split('.') as [string, string?];
  const spaced = whole.replaceAll(/\B(?=(\d{3})+$)/g, '\u202F');
  const kept = fraction?.replace(/0+$/, '') ?? '';
  return (kept === '' ? spaced : `${spaced}.${kept}`).replace('-', '\u2212');
}

/** Text as it stands in HTML. */
export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
