/**
 * How a job ends whose caller aborted it.
 *
 * @module
 */
import type { Lease } from '../lease.ts';
import type { NodeLike } from '../node.ts';

/** True for the reason of `AbortSignal.timeout()`: a deadline ran out. */
export function isDeadline(reason: unknown): boolean {
  return (reason as Error | null | undefined)?.name === 'TimeoutError';
}

/** A deadline that ran out is a failure of the node, a change of mind is neither. */
export function endAborted(lease: Lease<NodeLike>, signal: AbortSignal): void {
  if (isDeadline(signal.reason)) lease.done(false);
  else lease.cancel();
}
