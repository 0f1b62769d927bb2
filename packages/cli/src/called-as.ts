/**
 * A program that is found under another's name does what that one does.
 *
 * @module
 */
import { basename } from 'node:path';

/**
 * The arguments to follow.
 *
 * @param argv - As of the process: interpreter, script, arguments. A link to the script named `ipvsadm` makes
 *   it LVS's command line.
 */
export function argumentsOf([, script = '', ...args]: readonly string[]): readonly string[] {
  return basename(script) === 'ipvsadm' ? ['ipvsadm', ...args] : args;
}
