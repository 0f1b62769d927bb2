/**
 * A file of rules, as `ipvsadm --save` writes it.
 *
 * @module
 */
import type { IpvsCommand } from './commands.ts';
import type { Resolve } from './option-reader.ts';
import { IpvsUsageError } from './options.ts';
import { type IpvsCall, parseIpvs } from './parse.ts';

/** One line of a file of rules that is no command. */
export interface RuleProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/**
 * Reads rules as `--save` writes them; blank lines, comments and a leading word `ipvsadm` are skipped.
 *
 * @returns Commands with the lines they stand in, and every line that is wrong.
 */
export async function parseRules(
  text: string,
  resolve: Resolve,
): Promise<{
  readonly commands: readonly { readonly line: number; readonly command: IpvsCommand }[];
  readonly problems: readonly RuleProblem[];
}> {
  const commands: { line: number; command: IpvsCommand }[] = [];
  const problems: RuleProblem[] = [];
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    const words = content.trim().split(/\s+/);
    if (words[0]?.endsWith('ipvsadm')) words.shift();
    if (words.length === 0 || words[0] === '' || words[0]?.startsWith('#')) continue;
    try {
      // oxlint-disable-next-line no-await-in-loop -- in the order of the lines
      const call = await parseIpvs(words, resolve);
      if (!isOrder(call)) {
        throw new IpvsUsageError('only commands that change the table may stand in a file');
      }
      commands.push({ line, command: call });
    } catch (error) {
      if (!(error instanceof IpvsUsageError)) throw error;
      problems.push({ line, message: error.message });
    }
  }
  return { commands, problems };
}

function isOrder(call: IpvsCall): call is Exclude<IpvsCommand, { op: 'list' }> {
  return !['restore', 'help', 'version', 'list'].includes(call.op);
}
