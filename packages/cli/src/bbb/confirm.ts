/**
 * Asks before something ends a meeting.
 *
 * @module
 */
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

/**
 * Resolves if `--yes` was given or a person agrees.
 *
 * @throws {UsageError} if nobody can be asked.
 * @returns False if the person does not agree.
 */
export async function confirm(
  io: Io,
  question: string,
  yes: boolean | undefined,
): Promise<boolean> {
  if (yes === true) return true;
  if (!io.stdin.isTTY) throw new UsageError(`${question} Give --yes to agree without a terminal.`);
  const reader = createInterface({ input: io.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    reader.close();
  }
}
