/**
 * Progress of a long command: one line redrawn in place on a terminal, a plain line now and then
 * elsewhere.
 *
 * @module
 */
import { type Clock, systemClock } from '../clock.ts';
import type { TerminalStream } from './style.ts';

export interface ProgressOptions {
  readonly label: string;
  /** Steps in all; unknown when absent. */
  readonly total?: number;
  /** Usually `process.stderr`. */
  readonly stream: TerminalStream;
  readonly clock?: Clock;
}

export interface Progress {
  /** Sets the number of steps done, with a word about the present one. */
  update(done: number, detail?: string): void;
  /** Ends with a line that stays: `label: 12 of 12 in 3.4 s`, or the given text. */
  finish(summary?: string): void;
}

const REDRAW_MIN_MS = 100;
/** Off a terminal every line stays in somebody's log. */
const PLAIN_LINE_MIN_MS = 5000;
const BAR_COLUMNS = 24;
const ERASE_LINE = '\r\u001b[2K';

export function createProgress(options: ProgressOptions): Progress {
  const { label, total, stream, clock = systemClock } = options;
  const isLive = stream.isTTY === true;
  const startedMs = clock.nowMs();
  const minMs = isLive ? REDRAW_MIN_MS : PLAIN_LINE_MIN_MS;
  let lastDrawnMs = isLive ? -Infinity : startedMs;
  let lastDone = 0;

  return {
    update(done, detail = '') {
      lastDone = done;
      const nowMs = clock.nowMs();
      if (nowMs - lastDrawnMs < minMs) return;
      lastDrawnMs = nowMs;
      const text = [`${label}:`, isLive ? bar(done, total) : '', count(done, total), detail]
        .filter((part) => part !== '')
        .join(' ');
      stream.write(isLive ? `${ERASE_LINE}${clip(text, stream.columns)}` : `${text}\n`);
    },
    finish(summary) {
      const seconds = ((clock.nowMs() - startedMs) / 1000).toFixed(1);
      const text = summary ?? `${label}: ${count(lastDone, total)} in ${seconds} s`;
      stream.write(`${isLive ? ERASE_LINE : ''}${text}\n`);
    },
  };
}

function count(done: number, total: number | undefined): string {
  return total === undefined ? String(done) : `${done} of ${total}`;
}

function bar(done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return '';
  const filled = Math.round(BAR_COLUMNS * Math.min(1, Math.max(0, done / total)));
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_COLUMNS - filled)}]`;
}

/** One column stays free: a full line would wrap, and a wrapped line cannot be redrawn. */
function clip(text: string, columns = 80): string {
  return text.slice(0, Math.max(0, columns - 1));
}
