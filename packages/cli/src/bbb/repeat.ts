/**
 * Doing something again and again until somebody presses Ctrl-C.
 *
 * @module
 */
import type { Io } from '../io.ts';

/**
 * Works, pauses, and works again.
 *
 * @param work - Returns how many milliseconds to pause.
 */
export async function repeatUntilStopped(
  { signals }: Pick<Io, 'signals'>,
  work: () => Promise<number>,
): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  signals.on('SIGINT', onSignal);
  signals.on('SIGTERM', onSignal);
  try {
    while (!stop.signal.aborted) await pause(await work(), stop.signal);
  } finally {
    signals.off('SIGINT', onSignal);
    signals.off('SIGTERM', onSignal);
  }
}

/** Waits, or until the signal. */
async function pause(delayMs: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    stop.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
