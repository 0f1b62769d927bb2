/**
 * Log lines for people: `2026-01-02T03:04:05.678Z WARN  server down backend=out reason="timeout"`.
 *
 * @module
 */

/** Rewrites one JSON log line (`ts`, `level`, `msg` and fields) as text. */
export function formatTextLine(jsonLine: string): string {
  const entry: Record<string, unknown> = JSON.parse(jsonLine);
  const { ts, level, msg, ...fields } = entry;
  const head = `${plain(ts)} ${plain(level).toUpperCase().padEnd(5)} ${plain(msg)}`;
  const tail = Object.entries(fields).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${head}${tail.join('')}\n`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function fieldText(value: unknown): string {
  if (typeof value === 'string' && BARE.test(value)) return value;
  return JSON.stringify(value);
}

const BARE = /^[\w.:/@%+,[\]-]+$/;
