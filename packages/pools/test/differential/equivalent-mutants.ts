/**
 * Flips that change no result, and why: what the suite cannot notice because there is nothing to see.
 *
 * @module
 */

/** Reasons by the name of the flip. */
export const EQUIVALENT: Readonly<Record<string, string>> = {};
