/**
 * Names under which the engine knows the rates of a pool's tokens.
 *
 * @module
 */
import type { PoolSpec } from '../evm/scenario.ts';

/** Stands for the wrapped token of a linear pool among the numbers of a pool's tokens. */
export const WRAPPED = 99;

/** Address of the rate of a token of a pool. */
export function rateProviderOf(spec: PoolSpec, index: number): string {
  return `0x7a7e${spec.address.slice(2, 36)}${index.toString().padStart(2, '0')}`;
}
