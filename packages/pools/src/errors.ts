/**
 * What this library throws: `Revert` where a contract would revert, `InputError` where the caller's
 * data never could have reached a contract (a `number` instead of a `bigint`, malformed JSON).
 *
 * @module
 */
import { V2_ERRORS } from './v2-errors.ts';

/** A contract's refusal. The state that the step was given is unchanged. */
export class Revert extends Error {
  /** What the chain reports: `BAL#304`, `ERR_MAX_IN_RATIO`, or `NO_DATA` without a reason. */
  readonly code: string;
  /** The constant's name: `MAX_IN_RATIO`. */
  override readonly name: string;
  /** One sentence that says what to do. */
  readonly text: string;

  constructor(code: string, name: string, text: string) {
    super(`${code} (${name}): ${text}`);
    this.code = code;
    this.name = name;
    this.text = text;
  }
}

/** Data that no contract call could carry, with the place where it stands. */
export class InputError extends TypeError {
  override readonly name = 'InputError';
  readonly code = 'INPUT';
  /** Where: a parameter's name or a JSON path such as `pools[0].swapFee`. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(`${path}: ${message}`);
    this.path = path;
  }
}

/**
 * Throws the V2 revert with this number.
 *
 * @param number - 304 for `BAL#304`.
 * @throws {Revert} Always.
 */
export function revert(number: number): never {
  const [name, text] = V2_ERRORS[number] ?? ['UNKNOWN', 'The contract gives no further reason.'];
  throw new Revert(`BAL#${String(number).padStart(3, '0')}`, name, text);
}

/**
 * Throws the revert that carries no reason: an enum or ABI decode failure, a failed token call.
 *
 * @throws {Revert} Always, with code `NO_DATA`.
 */
export function revertNoData(text: string): never {
  throw new Revert('NO_DATA', 'NO_DATA', text);
}
