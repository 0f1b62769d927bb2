/**
 * Between amounts that people write ("12.5") and raw units of a token.
 *
 * @module
 */
import { InputError } from '@balancer/pools';

/**
 * Reads a decimal amount.
 *
 * @param name - Stands in the message.
 * @throws {InputError} When it is no unsigned decimal, or has more digits than the token.
 */
export function parseUnits(text: string, decimals: number, name: string): bigint {
  const match = /^([0-9]+)(?:\.([0-9]+))?$/.exec(text);
  if (match === null) {
    throw new InputError(name, `must be an unsigned decimal such as 12.5; got "${text}"`);
  }
  const [, whole = '', fraction = ''] = match;
  if (fraction.length > decimals) {
    throw new InputError(
      name,
      `may have at most ${decimals} digits after the point; got "${text}"`,
    );
  }
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}

/** Writes raw units as a decimal, without trailing zeros. */
export function formatUnits(amount: bigint, decimals: number): string {
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}
