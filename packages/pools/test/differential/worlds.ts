/**
 * Which pools share a world in the suite: every kind alone, and a few of them together under one Vault.
 *
 * @module
 */
import type { PoolKind } from '../evm/scenario.ts';

/** Pools of one world. The first nine are those that every release has to get right. */
export const WORLDS: readonly (readonly PoolKind[])[] = [
  ['weighted-1'],
  ['weighted2tokens-1'],
  ['weighted-3'],
  ['lbp-1'],
  ['managed-1'],
  ['stable-1'],
  ['metastable-1'],
  ['composable-3'],
  ['linear-2'],
  ['weighted-1', 'stable-1', 'weighted-3'],
  ['composable-3', 'weighted-3', 'linear-2'],
  ['metastable-1', 'weighted2tokens-1'],
  ['weighted-2'],
  ['investment-1'],
  ['stable-2'],
  ['composable-2'],
  ['composable-1'],
  ['phantom-1'],
  ['linear-1'],
  ['linear-3'],
  ['lbp-1-no-protocol-fee'],
];
