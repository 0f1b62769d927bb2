/**
 * Turns TOML text into a syntax tree, or into one problem at the first offending character that
 * says what was expected there.
 *
 * @module
 */
import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { ConfigFileError } from './problem.ts';

/**
 * Parses TOML 1.0.
 *
 * @throws {ConfigFileError} with exactly one problem, because after a syntax error nothing that
 * follows can be trusted.
 */
export function parseSyntax(text: string, file: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    throw new ConfigFileError([{ file, key: '', ...describeSyntaxError(error, text) }], {
      cause: error,
    });
  }
}

function describeSyntaxError(
  error: unknown,
  text: string,
): { line: number; column: number; message: string } {
  if (!(error instanceof ParseError)) {
    // The parser's own recursion ran out: values nested thousands deep, or one string above 100 kB.
    return { line: 1, column: 1, message: 'a value is too long or nested too deeply to be read' };
  }
  const lineEnd = skippedLineEnd(text, error.index);
  const { line, column } = positionAt(text, lineEnd ?? error.index);
  const found = foundAt(text, lineEnd ?? error.index);
  const expected =
    lineEnd === null
      ? (EXPECTED[error.message] ?? lowerFirst(error.message))
      : expectedBefore(text, lineEnd);
  return { line, column, message: `syntax error at ${found}; ${expected}` };
}

/**
 * The parser looks for a value or a "]" on the next lines too, and then complains about what it
 * finds there. The first offending character is the line break; its index, or null.
 */
function skippedLineEnd(text: string, index: number): number | null {
  const before = text.slice(0, index);
  const lineBreak = /[ \t]*\r?\n\s*$/.exec(before);
  if (lineBreak === null || index >= text.length) return null;
  const line = before.slice(before.lastIndexOf('\n', lineBreak.index - 1) + 1, lineBreak.index);
  return /=$|^\s*\[[^\]=#]*$/.test(line) ? lineBreak.index + lineBreak[0].search(/[\r\n]/) : null;
}

function expectedBefore(text: string, lineEnd: number): string {
  const isValueMissing = /=[ \t]*$/.test(text.slice(0, lineEnd));
  return isValueMissing ? 'expected a value' : 'expected "]" at the end of a table name';
}

function positionAt(text: string, index: number): { line: number; column: number } {
  const before = text.slice(0, index);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: index - lineStart + 1 };
}

function foundAt(text: string, index: number): string {
  if (index >= text.length) return 'the end of the file';
  const codePoint = text.codePointAt(index)!;
  if (codePoint === 0x0a || codePoint === 0x0d) return 'the end of the line';
  const character = String.fromCodePoint(codePoint);
  // Controls, format characters, lone surrogates and the like do not show.
  if (/\p{C}/u.test(character)) {
    return `character U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return JSON.stringify(character);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The parser's messages, said as what it expected. A message it gains later is shown as it is. */
const EXPECTED: Readonly<Record<string, string>> = {
  'Unterminated string constant': 'expected the closing quote of a string',
  'Unterminated table-key': 'expected "]" at the end of a table name',
  'Unterminated array': 'expected "," or "]"',
  'Unterminated inline table': 'expected "," or "}"',
  'Empty bare keys are not allowed': 'expected a key',
  'Must be a newline': 'expected the end of the line',
  'Expected equal (=) token': 'expected "=" after the key',
  'Unspecified values are invalid': 'expected a value',
  'Expected comma (,) token': 'expected "," or the end of the list',
  'Defining a key multiple times is invalid': 'this key or table is already defined above',
  'Unexpected character':
    'expected a key or a value (a string in quotes, a number, true, false, a date, "[" or "{")',
  'Unexpected token':
    'expected a key or a value (a string in quotes, a number, true, false, a date, "[" or "{")',
  'Control characters (codes < 0x1f and 0x7f) are not allowed':
    'control characters are not allowed here; write \\uXXXX in a string in double quotes',
  'The key, equals sign, and value must be on the same line':
    'the key, "=" and the value must be on one line',
  'No newlines are allowed between the curly braces unless they are valid within a value':
    'a table in braces must be on one line; write it as a [table] of its own',
  'Underscores are allowed between digits': 'expected a digit on both sides of "_"',
  'Unexpected spaces': 'no space is allowed here',
  'Three or more quotes are not permitted': 'at most two quotes may stand here',
  'Unexpected invalid date': 'expected a date such as 2001-02-03',
  'Unexpected invalid time': 'expected a time such as 04:05:06',
  'Leading zeros are not allowed': 'a number must not start with 0',
  'Trailing comma is not permitted in an inline table':
    'expected another key; the last entry has no ","',
  'Invalid character in escape sequence':
    'expected an escape: \\b \\t \\n \\f \\r \\" \\\\ \\uXXXX \\UXXXXXXXX, or quote with \'',
  'Consecutive dots are not permitted in keys': 'expected a key between the dots',
  'Keys cannot end with a dot': 'expected a key after the dot',
  'Keys cannot start with a dot': 'expected a key before the dot',
};
