/**
 * Checks of values whose types the compiler did not see, put together from parts: every member is known
 * and of its type, every amount a `bigint` in range. Nothing is converted, and paths are built only when
 * something is wrong.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import { requireUint } from '../uint.ts';

/** Refuses a value; `place` is where it stands inside what is checked, empty for the thing itself. */
export type Check = (value: unknown, place: string) => void;

export const uint: Check = (value, place) => void requireUint(value, place);
export const int: Check = (value, place) => {
  if (typeof value !== 'bigint') requireUint(value, place);
};
export const flag: Check = (value, place) => {
  if (typeof value !== 'boolean') throw new InputError(place, 'must be true or false');
};
export const text: Check = (value, place) => {
  if (typeof value !== 'string') throw new InputError(place, 'must be a string');
};
export const index: Check = (value, place) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new InputError(place, 'must be a whole number from 0 on');
  }
};
export const address: Check = hex(/^0x[0-9a-f]{40}$/, 40);
export const poolId: Check = hex(/^0x[0-9a-f]{64}$/, 64);

/** Strings that matched a pattern are kept, this many at most: the pattern costs six look-ups. */
const REMEMBERED_MAX = 1024;

function hex(pattern: RegExp, digits: number): Check {
  const matched = new Set<unknown>();
  return (value, place) => {
    if (matched.has(value)) return;
    if (typeof value !== 'string' || !pattern.test(value)) {
      throw new InputError(place, `must be 0x and ${digits} lower-case hex digits`);
    }
    if (matched.size === REMEMBERED_MAX) matched.clear();
    matched.add(value);
  };
}

const OPTIONAL = new Set<Check>();

export function optional(check: Check): Check {
  const optionalCheck: Check = (value, place) => {
    if (value !== undefined) check(value, place);
  };
  OPTIONAL.add(optionalCheck);
  return optionalCheck;
}

export function nullable(check: Check): Check {
  return (value, place) => {
    if (value !== null) check(value, place);
  };
}

export function listOf(check: Check): Check {
  return (value, place) => {
    if (!Array.isArray(value)) throw new InputError(place, 'must be an array');
    let i = 0;
    try {
      for (; i < value.length; i++) check(value[i], '');
    } catch (error) {
      throw located(error, `${place}[${i}]`);
    }
  };
}

export function oneOf(...names: readonly string[]): Check {
  return (value, place) => {
    if (!names.includes(value as string)) {
      throw new InputError(place, `must be one of ${names.join(', ')}`);
    }
  };
}

export type Shape = Readonly<Record<string, Check>>;

export function shaped(shape: Shape): Check {
  const rules = new Map(
    Object.entries(shape).map(([key, check]) => [key, { check, required: +!OPTIONAL.has(check) }]),
  );
  const requiredCount = Object.values(shape).filter((check) => !OPTIONAL.has(check)).length;
  return (value, place) => {
    if (typeof value !== 'object' || value === null) {
      throw new InputError(place, 'must be an object');
    }
    const members = value as Readonly<Record<string, unknown>>;
    try {
      // The members that are there: an operation gives half of those that it might.
      let found = 0;
      for (const key in members) {
        const rule = rules.get(key);
        if (rule === undefined) throw unknownMember(key, shape);
        rule.check(members[key], key);
        found += rule.required;
      }
      if (found < requiredCount) for (const [key, { check }] of rules) check(members[key], key);
    } catch (error) {
      throw located(error, place);
    }
  };
}

/** What a request must have depends on its kind. */
export function byKind(shapes: Readonly<Record<string, Shape>>): Check {
  const requireKind = oneOf(...Object.keys(shapes));
  const checks = new Map(Object.entries(shapes).map(([kind, shape]) => [kind, shaped(shape)]));
  return (value, place) => {
    const kind = (value as { kind?: unknown } | null)?.kind;
    requireKind(kind, `${place}.kind`);
    checks.get(kind as string)!(value, place);
  };
}

function unknownMember(key: string, shape: Shape): InputError {
  return new InputError(key, `is not known here; known: ${Object.keys(shape).join(', ')}`);
}

/** The error with its place put behind `prefix`; paths are built only when something is wrong. */
function located(error: unknown, prefix: string): unknown {
  if (!(error instanceof InputError) || prefix === '') return error;
  const detail = error.message.slice(error.path.length + 2);
  const joint = error.path === '' || error.path.startsWith('[') ? '' : '.';
  return new InputError(`${prefix}${joint}${error.path}`, detail);
}
