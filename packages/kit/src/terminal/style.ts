/**
 * Colours for people, and only for people.
 *
 * @module
 */
import { inspect } from 'node:util';

/** The part of a stream that decides about colours. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan';

/** Wraps text in a style, or returns it as it is when colours are off. */
export type Styler = (style: StyleName, text: string) => string;

/** True on a terminal whose user did not set NO_COLOR and whose TERM is not `dumb`. */
export function wantsColor(
  stream: TerminalStream,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** The styler for one stream. */
export function createStyler(
  stream: TerminalStream,
  environment: Readonly<Record<string, string | undefined>>,
): Styler {
  if (!wantsColor(stream, environment)) return (_style, text) => text;
  // Not util.styleText, which decides for itself by the environment of the process.
  return (style, text) => {
    const [open, close] = inspect.colors[style] ?? [0, 0];
    return `\u001b[${open}m${text}\u001b[${close}m`;
  };
}
