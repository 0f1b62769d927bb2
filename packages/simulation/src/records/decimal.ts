/**
 * Amounts as text: exact on the way to raw units, never a float in between.
 *
 * @module
 */

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Raw units, or why the text is no amount. */
export type ParsedAmount = { readonly raw: bigint } | { readonly wrong: string };

/**
 * Raw units of a decimal text such as `12.5`, `-0.000001` or `1e-7`.
 *
 * @param decimals - Of the token, 0 to 36.
 */
export function parseDecimal(text: string, decimals: number): ParsedAmount {
  const match = DECIMAL.exec(text.trim());
  if (match === null) return { wrong: `must be a decimal number such as 12.5; got ${show(text)}` };
  const [, sign, whole, fraction = '', exponent = '0'] = match;
  const digits = whole! + fraction;
  const shift = decimals - fraction.length + Number(exponent);
  let raw: bigint;
  if (shift >= 0) {
    raw = BigInt(digits) * 10n ** BigInt(shift);
  } else {
    const kept = digits.slice(0, Math.max(0, digits.length + shift));
    const cut = digits.slice(kept.length);
    if (/[1-9]/.test(cut)) {
      return {
        wrong: `has more than the token's ${decimals} decimals: ${show(text)}; round it in the source`,
      };
    }
    raw = BigInt(kept === '' ? '0' : kept);
  }
  return { raw: sign === '-' ? -raw : raw };
}

/** Raw units of an integer text. */
export function parseRaw(text: string): ParsedAmount {
  const trimmed = text.trim();
  if (/^[+-]?\d+$/.test(trimmed)) return { raw: BigInt(trimmed) };
  const hint = /^[+-]?\d+\.\d+$/.test(trimmed) ? '; for decimal amounts set units = "decimal"' : '';
  return { wrong: `must be an integer in raw units; got ${show(text)}${hint}` };
}

/** Raw units as a decimal text without trailing zeros. */
export function formatDecimal(raw: bigint, decimals: number): string {
  const digits = (raw < 0n ? -raw : raw).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${raw < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Raw units as a number of whole tokens, to within a rounding. */
export function toUnits(raw: bigint, decimals: number): number {
  return Number(raw) / 10 ** decimals;
}

/**
 * Whole tokens as raw units. The shortest decimal that means the number is taken at its word, so that
 * 0.000001 is a millionth; digits beyond the token's decimals are cut off.
 */
export function toRaw(units: number, decimals: number): bigint {
  if (units === 0) return 0n;
  const [mantissa, exponent] = Math.abs(units).toExponential().split('e') as [string, string];
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?];
  const shift = Number(exponent) - fraction.length + decimals;
  const digits = BigInt(whole + fraction);
  const raw = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return units < 0 ? -raw : raw;
}

function show(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
