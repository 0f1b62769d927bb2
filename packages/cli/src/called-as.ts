/**
 * A program that is found under another's name does what that one does.
 *
 * @module
 */
import { basename } from 'node:path';

/** Commands that are programs elsewhere. */
const NAMES: ReadonlySet<string> = new Set(['ipvsadm', 'dpip']);

/**
 * The arguments to follow.
 *
 * @param argv - As of the process: interpreter, script, arguments. A link to the script named `ipvsadm` or
 *   `dpip` makes it the command line of LVS or DPVS.
 */
export function argumentsOf([, script = '', ...args]: readonly string[]): readonly string[] {
  const name = basename(script);
  return NAMES.has(name) ? [name, ...args] : args;
}
