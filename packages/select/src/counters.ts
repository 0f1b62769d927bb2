/**
 * Where a `Node` keeps its numbers: indices into one typed array, because a large number in a field
 * is boxed on writes. Constants of a module rather than of an object, so that bundlers inline them.
 *
 * @module
 */
export const LOAD = 0;
export const TOTAL = 1;
export const SUCCESSES = 2;
export const FAILURES = 3;
export const MISUSE = 4;
export const LATENCY_SUM_MS = 5;
export const EWMA_MS = 6;
export const EWMA_AT_MS = 7;
/** Latency and end of the job that ended last, for whoever watches the node. */
export const LAST_LATENCY_MS = 8;
export const LAST_END_MS = 9;
export const COUNTER_COUNT = 10;
