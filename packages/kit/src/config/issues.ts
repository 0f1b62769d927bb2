/**
 * What a zod schema found, as problems of a configuration file: one key and one message each.
 *
 * @module
 */
import { z } from 'zod';
import type { KeyPath } from './problem.ts';
import { show } from './show.ts';
import { suggest } from './suggest.ts';

/** How a schema problem can be stepped over, so that checks of meaning still see the rest. */
type Repair = 'rename' | 'drop-key' | 'drop-value' | 'drop-table';

/** One schema problem. */
export interface SchemaProblem {
  readonly path: KeyPath;
  readonly message: string;
  /** True when the key is to blame and not its value. */
  readonly atKey: boolean;
  readonly repair: Repair;
  /** The key that was meant, for `rename`. */
  readonly renameTo?: string;
}

export type SchemaResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly SchemaProblem[] };

/** Validates `input`. Never throws for any input. */
export function applySchema<T>(schema: z.ZodType<T>, input: unknown): SchemaResult<T> {
  const allowedKeys = new WeakMap<object, readonly string[]>();
  const result = schema.safeParse(input, {
    reportInput: true,
    error: (issue) => {
      // A finished issue no longer knows its schema: remember what the table may hold.
      const { code, inst, input: table } = issue;
      if (code === 'unrecognized_keys' && inst instanceof z.ZodObject && isObject(table)) {
        allowedKeys.set(table, [...(allowedKeys.get(table) ?? []), ...Object.keys(inst.shape)]);
      }
      return describe(issue);
    },
  });
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, [], allowedKeys));
  return { ok: false, problems };
}

type Issue = z.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: 'invalid_union' }>;
type AllowedKeys = WeakMap<object, readonly string[]>;

function problemsOf(issue: Issue, base: KeyPath, allowed: AllowedKeys): SchemaProblem[] {
  // zod's paths may hold symbols; those of a document never do.
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? '' : part))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key, issue.input, allowed));
  }
  if (issue.code === 'invalid_union') return unionProblems(issue, path, allowed);
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ path, message, atKey: true, repair: 'drop-key' }];
  }
  return [valueProblem(path, issue.input, issue.message)];
}

function valueProblem(path: KeyPath, input: unknown, message: string): SchemaProblem {
  if (input !== undefined) return { path, message, atKey: false, repair: 'drop-value' };
  const allowed = message.replace(/; got undefined$/, '');
  return { path, message: `missing; ${allowed}`, atKey: true, repair: 'drop-table' };
}

function unknownKey(
  tablePath: KeyPath,
  key: string,
  table: unknown,
  allowed: AllowedKeys,
): SchemaProblem {
  const path = [...tablePath, key];
  const known = isObject(table) ? [...new Set(allowed.get(table) ?? [])] : [];
  const meant = suggest(key, known);
  if (meant === null) {
    const message = `unknown key; allowed: ${known.join(', ') || 'none'}`;
    return { path, message, atKey: true, repair: 'drop-key' };
  }
  const message = `unknown key; did you mean "${meant}"?`;
  const isFree = isObject(table) && !Object.hasOwn(table, meant);
  return isFree
    ? { path, message, atKey: true, repair: 'rename', renameTo: meant }
    : { path, message, atKey: true, repair: 'drop-key' };
}

/**
 * Problems of the alternative that was most likely meant: the one that accepts the kind of value
 * and complains about the fewest things inside it; else one message that names all alternatives.
 */
function unionProblems(issue: UnionIssue, path: KeyPath, allowed: AllowedKeys): SchemaProblem[] {
  if (issue.discriminator !== undefined && isObject(issue.input)) {
    // The path ends at the discriminator, while the input is the table around it.
    const input: unknown = Reflect.get(issue.input, issue.discriminator);
    return [valueProblem(path, input, describe({ ...issue, input }))];
  }
  const inside = issue.errors
    .filter((issues) => !issues.some(isWrongKind))
    .toSorted((a, b) => a.length - b.length)[0];
  const isOnlyValue = inside?.length === 1 && inside[0]?.path.length === 0;
  const hasConstants = issue.errors.some(([first]) => first?.code === 'invalid_value');
  if (inside === undefined || (isOnlyValue && hasConstants)) {
    return [valueProblem(path, issue.input, issue.message)];
  }
  return inside.flatMap((inner) => problemsOf(inner, path, allowed));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const WRONG_KIND = new Set(['invalid_type', 'invalid_value', 'invalid_union']);

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && WRONG_KIND.has(issue.code);
}

type RawIssue = z.core.$ZodRawIssue;

/** Words for the issues whose schema has none of its own: what is allowed, what was found. */
function describe(issue: RawIssue): string {
  return `${requirement(issue)}; got ${show(issue.input)}`;
}

function requirement(issue: RawIssue | Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? `a ${issue.expected}`}`;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return `must ${bound(issue.origin, issue.inclusive === false ? 'above' : 'at least')} ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.inclusive === false ? 'below' : 'at most')} ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `must be ${issue.pattern === undefined ? issue.format : `text that matches ${issue.pattern}`}`;
    case 'invalid_union':
      return unionRequirement(issue);
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'unrecognized_keys':
      break;
  }
  return issue.message?.toString() ?? 'is not valid';
}

function unionRequirement(issue: Extract<RawIssue | Issue, { code: 'invalid_union' }>): string {
  if ('options' in issue && Array.isArray(issue.options)) return oneOf(issue.options);
  const alternatives = issue.errors
    .flatMap((issues) => issues.slice(0, 1))
    .map((inner) => inner.message.replace(/; got [^;]*$/, '').replace(/^must be (one of )?/, ''));
  const text = [...new Set(alternatives)].join(' or ');
  return text.startsWith('needs ') ? text : `must be ${text}`;
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map(show);
  return `must be ${shown.length === 1 ? '' : 'one of '}${shown.join(', ')}`;
}

function bound(origin: string, word: string): string {
  return `${origin in UNITS ? 'have' : 'be'} ${word}`;
}

const UNITS: Readonly<Record<string, string>> = {
  string: ' character(s)',
  array: ' element(s)',
  map: ' key(s)',
  object: ' key(s)',
};

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'a table',
  record: 'a table',
  date: 'a date',
};
