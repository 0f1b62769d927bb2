/**
 * What goes wrong with the packet plane on purpose.
 *
 * @module
 */
import { BalancerError } from '@balancer/kit';

/** The plane cannot be started or cannot follow a change; nothing was changed. */
export class PlaneError extends BalancerError {
  override readonly name = 'PlaneError';
  readonly code = 'L4_PLANE';
}
