/**
 * Reasons why a node gets no work, as bits; a node without any is eligible.
 *
 * @module
 */
export const UNHEALTHY = 1;
export const EJECTED = 2;
export const DRAINING = 4;
export const WEIGHTLESS = 8;
export const FULL = 16;
/** Tried before by the job in question; set for the length of one pick. */
export const TRIED = 32;

/** What panic looks beyond: a full or draining node stays out even then. */
export const HEALTH_BITS: number = UNHEALTHY | EJECTED;
/** A full pool is busy, not broken: saturation alone must not start a panic. */
export const LASTING_BITS: number = HEALTH_BITS | DRAINING | WEIGHTLESS;
export const ALL_BITS: number = LASTING_BITS | FULL | TRIED;
