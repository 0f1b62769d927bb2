/**
 * The error for work handed to an adapter that was closed.
 *
 * @module
 */

export class ClosedError extends Error {
  override readonly name = 'ClosedError';
  readonly code: string;

  /** @param code - For an adapter whose callers know other codes. */
  constructor(message: string, code = 'CLOSED') {
    super(message);
    this.code = code;
  }
}
