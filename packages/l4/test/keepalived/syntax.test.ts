import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConfigText,
  KeepalivedSyntaxError,
  parseKeepalived,
  type Statement,
} from '../../src/keepalived/syntax.ts';

/** Words of a statement, and the statements of its block. */
interface Tree extends ReadonlyArray<string | Tree> {}

function treeOf(statements: readonly Statement[]): Tree[] {
  return statements.map(({ words, block }) => [words.join(' '), ...treeOf(block)]);
}

function parse(
  text: string,
  files: Readonly<Record<string, string>> = {},
  configId?: string,
): Tree[] {
  const include = (pattern: string): readonly ConfigText[] => [
    { file: pattern, text: files[pattern] ?? '' },
  ];
  return treeOf(parseKeepalived({ file: 'k.conf', text }, { include, configId }));
}

describe('the syntax of keepalived.conf', () => {
  test('is statements of words, with blocks in braces wherever the line ends', () => {
    expect(parse('a 1 {\n b 2\n c {\n d\n }\n}\ne\n{\n f g {h\n}\n}\n')).toEqual([
      ['a 1', ['b 2'], ['c', ['d']]],
      ['e', ['f g', ['h']]],
    ]);
  });

  test('leaves comments out, but not what only looks like one', () => {
    expect(parse('a # b\n! c\nd "e # f" \'g ! h\'\n')).toEqual([['a'], ['d e # f g ! h']]);
  });

  test('joins lines that end in a backslash', () => {
    expect(parse('a b\\\n   c\nd\n')).toEqual([['a b c'], ['d']]);
  });

  test('puts definitions in place, and leaves alone what is not defined', () => {
    expect(parse('$NET=192.0.2\n$IP=$NET.1\nvip ${IP} $OTHER\n')).toEqual([
      ['vip 192.0.2.1 $OTHER'],
    ]);
  });

  test('reads included files where they stand, in the middle of a block too', () => {
    expect(parse('a {\ninclude x.conf\n}\n', { 'x.conf': 'b 1\n' })).toEqual([['a', ['b 1']]]);
  });

  test('takes conditional lines for the id it was given', () => {
    const text = '@high a 1\n@low a 2\n@^high b\n';
    expect(parse(text, {}, 'high')).toEqual([['a 1']]);
    expect(parse(text, {}, 'low')).toEqual([['a 2'], ['b']]);
  });

  test.each([
    ['a {\n b\n', 'k.conf:1: "a {" is never closed'],
    ['a\n}\n', 'k.conf:2: "}" closes nothing'],
    ['{\n}\n', 'k.conf:1: "{" follows no statement'],
    ['a "b\n', 'k.conf:1: " is never closed'],
    ['$A=$B\n$B=$A\nx $A\n', 'k.conf:3: a definition stands for itself'],
    ['include k.conf\n', 'k.conf:1: "include k.conf" includes itself'],
  ])('%j is refused with its place', (text, message) => {
    expect(() => parse(text, { 'k.conf': 'include k.conf\n' })).toThrow(
      new KeepalivedSyntaxError(message),
    );
  });

  test('of any text is read, or refused in its own way', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'a',
        ' ',
        '\n',
        '{',
        '}',
        '"',
        "'",
        '#',
        '!',
        '\\',
        '$A',
        '$A=',
        '@x',
        'include f',
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          parse(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(KeepalivedSyntaxError);
        }
      }),
      { numRuns: process.env['BALANCER_TEST_LONG'] ? 200_000 : 2000 },
    );
  });
});
