/**
 * The command tree as plain data: what the shell completions and the manual page are written from,
 * so that they say what the help says. Hidden commands and options are left out.
 *
 * @module
 */
import type { Argument, Command, Option } from 'commander';
import { examplesOf } from './examples.ts';

/** What a shell may offer in place of a value. */
export type Values =
  | { readonly kind: 'file' | 'server' | 'none' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] };

/** A positional argument, in order. */
export interface ArgumentReference {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
  readonly values: Values;
}

export interface OptionReference {
  /** `-c`. */
  readonly short: string | undefined;
  /** `--config`. */
  readonly long: string;
  /** `<file>`; `undefined` when the option takes no value. */
  readonly placeholder: string | undefined;
  readonly description: string;
  readonly values: Values;
}

export interface CommandReference {
  /** `['balancer', 'pools', 'quote']`. */
  readonly path: readonly string[];
  readonly description: string;
  /** After the path, as the help prints it. */
  readonly usage: string;
  readonly arguments: readonly ArgumentReference[];
  readonly options: readonly OptionReference[];
  readonly commands: readonly CommandReference[];
  readonly examples: readonly string[];
}

/** What a placeholder's name says about its values. */
const VALUES_BY_NAME: Readonly<Record<string, Values>> = {
  file: { kind: 'file' },
  paths: { kind: 'file' },
  operations: { kind: 'file' },
  'backend/server': { kind: 'server' },
};

/** Describes a command and everything below it. */
export function describeCommand(command: Command): CommandReference {
  return describe(command, { parentPath: [], siblings: [] });
}

function describe(
  command: Command,
  above: { readonly parentPath: readonly string[]; readonly siblings: readonly string[] },
): CommandReference {
  const help = command.createHelp();
  const path = [...above.parentPath, command.name()];
  const children = help.visibleCommands(command);
  const siblings = children.map((child) => child.name());
  return {
    path,
    description: command.description(),
    usage: command.usage(),
    arguments: command.registeredArguments.map((argument) =>
      describeArgument(argument, command.name() === 'help' ? above.siblings : undefined),
    ),
    options: help.visibleOptions(command).map(describeOption),
    commands: children.map((child) => describe(child, { parentPath: path, siblings })),
    examples: examplesOf(command),
  };
}

/** A command and all below it, parents first. */
export function flatten(command: CommandReference): readonly CommandReference[] {
  return [command, ...command.commands.flatMap(flatten)];
}

function describeArgument(
  argument: Argument,
  choices: readonly string[] | undefined,
): ArgumentReference {
  const name = argument.name();
  return {
    name,
    description: argument.description,
    isRequired: argument.required,
    isVariadic: argument.variadic,
    values: valuesOf(name, argument.argChoices ?? choices),
  };
}

function describeOption(option: Option): OptionReference {
  const placeholder = /<.*>|\[.*\]/.exec(option.flags)?.[0];
  const hasDefault = option.defaultValue !== undefined && typeof option.defaultValue !== 'boolean';
  return {
    short: option.short,
    long: option.long ?? option.flags,
    placeholder,
    description: hasDefault
      ? `${option.description} (default: ${String(option.defaultValue)})`
      : option.description,
    values: valuesOf(placeholder?.slice(1, -1), option.argChoices),
  };
}

function valuesOf(name: string | undefined, choices: readonly string[] | undefined): Values {
  if (choices) return { kind: 'choices', choices };
  return (name !== undefined && VALUES_BY_NAME[name]) || { kind: 'none' };
}
