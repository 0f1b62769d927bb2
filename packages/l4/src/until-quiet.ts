/**
 * Waits until nothing comes any more.
 *
 * @module
 */
import { setTimeout as wait } from 'node:timers/promises';

/** Time without anything after which it is quiet. */
const QUIET_MS = 1000;

/**
 * Resolves when a counter has stood still for a second, or when the signal says that there is no time
 * left.
 *
 * @param read - The counter.
 */
export async function untilQuiet(read: () => Promise<number>, cut: AbortSignal): Promise<void> {
  let before = await read();
  while (!cut.aborted) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      await wait(QUIET_MS, undefined, { signal: cut });
    } catch {
      return;
    }
    // oxlint-disable-next-line no-await-in-loop
    const now = await read();
    if (now === before) return;
    before = now;
  }
}
