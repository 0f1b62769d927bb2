/**
 * Waits until nobody is writing to a file any more.
 *
 * A program that writes in place empties the file first: who reads it at that moment finds an empty
 * or half a configuration, which may well be valid. Writers that rename a finished file over the old
 * one cost the quiet time and nothing else.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface SettledOptions {
  /** How long nothing may change, in milliseconds. Default 50. */
  readonly quietMs?: number;
  /** Longest wait, in milliseconds; whoever writes for longer is read as it comes. Default 1000. */
  readonly atMostMs?: number;
  /** How the quiet time passes; by the clock by default. */
  readonly pause?: (quietMs: number) => Promise<unknown>;
}

/** Resolves when the file has been left alone for a while, and at once when it cannot be looked at. */
export async function fileSettled(file: string, options: SettledOptions = {}): Promise<void> {
  const { quietMs = 50, atMostMs = 1000, pause = delay } = options;
  const looksMax = Math.ceil(atMostMs / quietMs);
  let before = await looksOf(file);
  for (let look = 0; look < looksMax && before !== undefined; look++) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    await pause(quietMs);
    // oxlint-disable-next-line no-await-in-loop -- as above
    const now = await looksOf(file);
    if (now === before) return;
    before = now;
  }
}

/** Changes with every write; `undefined` when the file is not there. */
async function looksOf(file: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return undefined;
  }
}
