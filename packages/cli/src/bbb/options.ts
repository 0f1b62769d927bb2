/**
 * What the commands of the gateway share: options, columns, what they are given.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { MeetingView } from '@balancer/bbb';
import type { Io } from '../io.ts';

/** What every group of commands is given. */
export interface BbbCommands {
  readonly io: Io;
  readonly finish: (code: number) => void;
}

/** The option that names the configuration. */
export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'TOML file with a table [bbb] (default: environment)',
  );
}

/** Options of a command that prints data. */
export function withOutput(command: Command): Command {
  return withConfig(command).option('--json', 'print JSON');
}

/** Reads a decimal number. */
export function decimal(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('needs a number of at least 0.');
}

/** Reads a number of seconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.1) return value;
  throw new InvalidArgumentError('needs seconds, at least 0.1.');
}

/** Columns of records. */
export const MEETING_COLUMNS: readonly (readonly [string, (row: MeetingView) => string])[] = [
  ['MEETING', ({ id }) => id],
  ['SERVER', (row) => row.server_id],
  ['STATUS', ({ status }) => status],
  ['VOICE-BRIDGE', (row) => row.voice_bridge],
  ['CREATED', (row) => row.created_at],
  ['LAST-SEEN', (row) => row.last_seen_at],
];
