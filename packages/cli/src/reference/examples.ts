/**
 * Examples of a command: shown by its help, and read back for the manual page.
 *
 * @module
 */
import type { Command } from 'commander';

const examples = new WeakMap<Command, readonly string[]>();

/** Adds examples to the end of a command's help. @returns The command. */
export function withExamples(command: Command, ...lines: readonly string[]): Command {
  examples.set(command, lines);
  const label = lines.length === 1 ? 'Example:' : 'Examples:';
  return command.addHelpText(
    'after',
    `\n${label}\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`,
  );
}

/** What {@link withExamples} was given. */
export function examplesOf(command: Command): readonly string[] {
  return examples.get(command) ?? [];
}
