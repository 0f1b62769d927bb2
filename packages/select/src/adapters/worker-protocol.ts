/**
 * What a worker pool and its workers say to each other, and how errors travel.
 *
 * Structured cloning keeps little of an error's own properties and nothing of what cannot be cloned, so
 * errors are taken apart in the worker and put together again by the pool.
 *
 * @module
 */

/** From the pool. Messages without `balancer` are the program's own, and left alone. */
export type ToWorker =
  | { balancer: 'task'; id: number; task: unknown }
  | { balancer: 'abort'; id: number };

/** From a worker. */
export type FromWorker =
  | { balancer: 'ready' }
  | { balancer: 'result'; id: number; value: unknown }
  | { balancer: 'error'; id: number; thrown: PackedError };

/** Something thrown, in a form that can be cloned. */
export type PackedError =
  | { isError: false; value: unknown }
  | {
      isError: true;
      name: string;
      message: string;
      stack: string | undefined;
      cause: PackedError | undefined;
      /** Own properties with plain values, such as `code`. */
      properties: Record<string, Plain>;
    };

type Plain = string | number | boolean | null;

/** Causes further down than this are left out; they may form a circle. */
const CAUSE_DEPTH_MAX = 8;

export function packError(thrown: unknown, depth = 0): PackedError {
  if (!(thrown instanceof Error)) return { isError: false, value: thrown };
  const { name, message, stack, cause } = thrown;
  const hasCause = cause !== undefined && depth < CAUSE_DEPTH_MAX;
  return {
    isError: true,
    name,
    message,
    stack,
    cause: hasCause ? packError(cause, depth + 1) : undefined,
    properties: Object.fromEntries(Object.entries(thrown).filter(isPlainEntry)),
  };
}

/** The error as it was thrown: built-in kinds as themselves, others as `Error` with their name. */
export function unpackError(packed: PackedError): unknown {
  if (!packed.isError) return packed.value;
  const { name, message, stack, cause, properties } = packed;
  const Kind = BUILT_IN_ERRORS.get(name) ?? Error;
  const error = new Kind(message, cause === undefined ? undefined : { cause: unpackError(cause) });
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  if (error.name !== name) {
    Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  }
  return Object.assign(error, properties);
}

const BUILT_IN_ERRORS: ReadonlyMap<string, ErrorConstructor> = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((kind) => [
    kind.name,
    kind,
  ]),
);

function isPlainEntry(entry: [string, unknown]): entry is [string, Plain] {
  const [key, value] = entry;
  if (key === 'name' || key === 'message' || key === 'stack' || key === 'cause') return false;
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
