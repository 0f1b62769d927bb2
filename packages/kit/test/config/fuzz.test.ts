import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigFileError, type ConfigProblem, formatProblem } from '../../src/index.ts';
import { decodeText } from '../../src/config/load.ts';
import { parseSample } from './sample.ts';

const numRuns = process.env['BALANCER_TEST_LONG'] === undefined ? 1000 : 1_000_000;
/** Long runs take minutes; a hang shows all the same. */
const timeout = 3_600_000;

const SAMPLE = `[global]
workers = "auto"
timeout = "5s"
token = "\${T:-x}"
[doors.front]
listen_addr = [":80", "unix:/run/x"]
room = 'hall'
allow = ["10.0.0.0/8"]
[rooms.hall.guests]
a = { addr = "127.0.0.1:8080", weight = 10 }
[source]
type = "file"
path = """/x"""
`;

const FRAGMENTS = [
  '[',
  ']',
  '[[',
  '{',
  '}',
  '=',
  '.',
  '"',
  "'",
  '"""',
  '\n',
  '\\u',
  '${',
  '${A:-',
  '#',
  '__proto__',
  'constructor',
  '1e9',
  '-',
  '1979-05-27',
  'true',
  '\u{1F600}',
  '\ud800',
  '\0',
  'rooms',
  'guests',
  'addr',
];

/** What is wrong with how a text was refused: nothing when it was read, or refused properly. */
function defectsOf(run: () => unknown): string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigFileError)) return [`threw ${String(error)}`];
    if (error.problems.length === 0) return ['threw without a problem'];
    return error.problems.filter((problem) => !isReadable(problem)).map(formatProblem);
  }
}

function isReadable({ line, column, message }: ConfigProblem): boolean {
  return line >= 1 && column >= 1 && !/\p{Cc}|\[object |undefined/u.test(message);
}

describe('parseConfig', () => {
  test(
    'gives a value or a ConfigFileError for any bytes',
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          expect(defectsOf(() => parseSample(decodeText(bytes, 'c.toml')))).toEqual([]);
        }),
        { numRuns },
      );
    },
    timeout,
  );

  test(
    'gives a value or a ConfigFileError for any text made of pieces of TOML',
    () => {
      const piece = fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 5 }));
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
          expect(defectsOf(() => parseSample(pieces.join('')))).toEqual([]);
        }),
        { numRuns },
      );
    },
    timeout,
  );

  test(
    'gives a value or a ConfigFileError for a good file with a few bytes changed',
    () => {
      const edit = fc.tuple(fc.nat(SAMPLE.length), fc.nat(8), fc.constantFrom('', ...FRAGMENTS));
      fc.assert(
        fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
          let text = SAMPLE;
          for (const [at, removed, added] of edits) {
            text = text.slice(0, at) + added + text.slice(at + removed);
          }
          expect(defectsOf(() => parseSample(text))).toEqual([]);
        }),
        { numRuns },
      );
    },
    timeout,
  );
});
