/**
 * Float64 twins of the hot functions, for searches and simulations that price millions of swaps.
 * Never feed their results into exact state: they round differently from any contract.
 *
 * @module
 */
export * as stable from './stable.ts';
export * as v1 from './v1.ts';
export * as weighted from './weighted.ts';
