/**
 * Everything `select` throws. Only constructors, `add`, `set`, `update`, policy factories and `run`
 * throw; `next`, `begin` and `end` never do, because they sit in the caller's hot path.
 *
 * @module
 */

/** An option, a node or a policy parameter that cannot be meant. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG';
  /** Path of the option, such as `maglev.tableSize`. */
  readonly option: string;

  /** @param problem - What is wrong and what is allowed, as one sentence without the option's name. */
  constructor(option: string, problem: string) {
    super(`${option}: ${problem}`);
    this.option = option;
  }
}

/** A node was added whose `id` is already in the pool, or twice in one call. */
export class DuplicateNodeError extends Error {
  override readonly name = 'DuplicateNodeError';
  readonly code = 'DUPLICATE_NODE';
  readonly id: string;

  constructor(id: string) {
    super(
      `node "${id}" is already in the pool; ids must be unique, and none of this call was added`,
    );
    this.id = id;
  }
}

/** `run` found no node that may receive work. */
export class NoNodeError extends Error {
  override readonly name = 'NoNodeError';
  readonly code = 'NO_NODE';

  constructor(poolName: string, poolSize: number) {
    super(
      poolSize === 0
        ? `balancer "${poolName}" has no nodes; add one with add()`
        : `balancer "${poolName}": none of its ${poolSize} nodes may receive work; stats() says why for each`,
    );
  }
}

/** Every attempt of one `run` failed. `errors` holds what each attempt threw, in order. */
export class AllAttemptsFailedError extends Error {
  override readonly name = 'AllAttemptsFailedError';
  readonly code = 'ALL_ATTEMPTS_FAILED';
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    const last = errors.at(-1);
    const reason = last instanceof Error ? last.message : String(last);
    super(`all ${errors.length} attempts failed; the last one with: ${reason}`, { cause: last });
    this.errors = errors;
  }
}

/** An attempt of `run` took longer than its `timeoutMs`. */
export class AttemptTimeoutError extends Error {
  override readonly name = 'AttemptTimeoutError';
  readonly code = 'ATTEMPT_TIMEOUT';

  constructor(nodeId: string, timeoutMs: number) {
    super(`node "${nodeId}" did not answer within ${timeoutMs} ms`);
  }
}

/** Refuses numbers that are not finite or lie outside [min, max]. Returns the value. */
export function checkNumber(
  option: string,
  value: number,
  { min, max = Infinity, integer = false }: { min: number; max?: number; integer?: boolean },
): number {
  const fits =
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    Number.isFinite(value) &&
    (!integer || Number.isInteger(value));
  if (fits) return value;
  const kind = integer ? 'an integer' : 'a number';
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new ConfigError(option, `must be ${kind} ${range}; got ${describe(value)}`);
}

/** Refuses values that are not one of `allowed`. Returns the value. */
export function checkChoice<T extends string>(option: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  const list = allowed.map((choice) => `"${choice}"`).join(', ');
  throw new ConfigError(option, `must be one of ${list}; got ${describe(value)}`);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value);
}
