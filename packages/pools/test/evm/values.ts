/**
 * Typed reading of values whose type only the data knows: decoded call results and fields of steps.
 * Each reader throws a TypeError when the value is of another type.
 *
 * @module
 */

/** An integer, given as such or as decimal text or a small number. */
export function asInteger(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'string' || typeof value === 'number') return BigInt(value);
  throw wrong('an integer', value);
}

/** Text. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw wrong('text', value);
}

/** A list of anything. */
export function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong('a list', value);
}

/** True or false. */
export function asFlag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw wrong('true or false', value);
}

/** An object with fields of any type. */
export function asFields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value));
  }
  throw wrong('an object', value);
}

/** A list of integers. */
export function asIntegers(value: unknown): bigint[] {
  return asList(value).map(asInteger);
}

/** A list of texts. */
export function asTexts(value: unknown): string[] {
  return asList(value).map(asText);
}

/** Decimal text of an integer, as scenarios and states write it. */
export function decimal(value: unknown): string {
  return String(asInteger(value));
}

/** Decimal texts of a list of integers. */
export function decimals(value: unknown): string[] {
  return asList(value).map(decimal);
}

function wrong(expected: string, value: unknown): TypeError {
  return new TypeError(`expected ${expected}, got ${typeof value} ${String(value)}`);
}
