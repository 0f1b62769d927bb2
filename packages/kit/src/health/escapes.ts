/**
 * The small languages of health check settings: bytes with escapes, expected answers, ranges of
 * statuses.
 *
 * @module
 */
import { CheckSpecError } from './probe.ts';

/** True when what came back so far is the expected answer, false when it never can be. */
export type AnswerTest = (answer: Buffer) => 'match' | 'mismatch' | 'more';

/**
 * Text with the escapes `\r \n \t \\ \xHH` as bytes; the rest is UTF-8.
 *
 * @throws {CheckSpecError} on any other escape.
 */
export function readEscapes(text: string): Buffer {
  const parts: Buffer[] = [];
  let end = 0;
  for (const match of text.matchAll(/\\(?:x([0-9A-Fa-f]{2})|([rnt\\])|)/g)) {
    const [whole, hex, letter] = match;
    parts.push(Buffer.from(text.slice(end, match.index)));
    if (hex !== undefined) parts.push(Buffer.from([Number.parseInt(hex, 16)]));
    else if (letter !== undefined) parts.push(Buffer.from(LETTERS[letter] ?? letter));
    else throw unknownEscape(text, match.index);
    end = match.index + whole.length;
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(end))]);
}

/**
 * The test for an expected answer: a prefix with escapes, or `/regex/` (flags `i`, `s` and `m` may
 * follow) on the answer read as Latin-1.
 *
 * @throws {CheckSpecError} if the escapes or the expression cannot be read.
 */
export function readExpect(text: string): AnswerTest {
  const expression = /^\/(.*)\/([ism]*)$/s.exec(text);
  if (expression !== null) return regexTest(expression[1]!, expression[2]!);
  const prefix = readEscapes(text);
  return (answer) => {
    const length = Math.min(prefix.length, answer.length);
    if (!prefix.subarray(0, length).equals(answer.subarray(0, length))) return 'mismatch';
    return length === prefix.length && answer.length > 0 ? 'match' : 'more';
  };
}

/**
 * The test for `200-399` or `200,204,300-399`.
 *
 * @throws {CheckSpecError} if the text is anything else or a range runs backwards.
 */
export function readStatusRanges(text: string): (status: number) => boolean {
  const ranges = text.split(',').map((part) => {
    const match = /^\s*(\d{3})(?:-(\d{3}))?\s*$/.exec(part);
    const low = Number(match?.[1]);
    const high = Number(match?.[2] ?? match?.[1]);
    if (match === null || high < low) {
      throw new CheckSpecError(
        `must be statuses such as "200-399" or "200,204"; got ${JSON.stringify(text)}`,
      );
    }
    return { low, high };
  });
  return (status) => ranges.some(({ low, high }) => status >= low && status <= high);
}

/** Bytes from the network as a message may show them: at most 40, escaped. */
export function showBytes(bytes: Buffer): string {
  const shown = JSON.stringify(bytes.subarray(0, SHOWN_BYTES_MAX).toString('latin1'));
  const escaped = shown.replaceAll(
    /[\u007f-\u00ff]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16)}`,
  );
  return bytes.length > SHOWN_BYTES_MAX ? `${escaped.slice(0, -1)}..."` : escaped;
}

const SHOWN_BYTES_MAX = 40;
const LETTERS: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t' };

function unknownEscape(text: string, index: number): CheckSpecError {
  return new CheckSpecError(
    `unknown escape ${JSON.stringify(text.slice(index, index + 2))}; allowed: \\r \\n \\t \\\\ \\xHH`,
  );
}

function regexTest(source: string, flags: string): AnswerTest {
  let expression: RegExp;
  try {
    expression = new RegExp(source, flags);
  } catch (error) {
    throw new CheckSpecError(`not a regular expression: /${source}/${flags}`, { cause: error });
  }
  return (answer) => (expression.test(answer.toString('latin1')) ? 'match' : 'more');
}
