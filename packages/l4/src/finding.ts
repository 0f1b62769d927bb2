/**
 * What checks of the host and of the counters find.
 *
 * @module
 */

/** Something that is not as it should be. Problems stop packets, warnings may, hints explain. */
export interface Finding {
  readonly level: 'problem' | 'warning' | 'hint';
  readonly what: string;
  /** A command or a setting that mends it; `''` when there is none. */
  readonly mend: string;
}

/** Packets are not forwarded as long as this is so. */
export function problem(what: string, mend: string): Finding {
  return { level: 'problem', what, mend };
}

/** Packets may be lost. */
export function warning(what: string, mend: string): Finding {
  return { level: 'warning', what, mend };
}

/** Worth knowing when something else is wrong. */
export function hint(what: string, mend: string): Finding {
  return { level: 'hint', what, mend };
}
