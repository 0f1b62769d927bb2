import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatKey, Secret, secret } from '../../src/index.ts';
import { escapeVariables, expandVariables } from '../../src/config/environment.ts';
import { show } from '../../src/config/show.ts';
import { editDistance, suggest } from '../../src/config/suggest.ts';
import { temporaryDirectory } from '../temporary.ts';

describe('expandVariables', () => {
  const environment = { HOST: 'db', EMPTY: '' };

  test.each([
    ['${HOST}:5432', 'db:5432'],
    ['${NONE:-local}', 'local'],
    ['${HOST:-local}', 'db'],
    ['${EMPTY}', ''],
    ['${EMPTY:-x}', 'x'],
    ['$${HOST}', '${HOST}'],
    ['$HOST {HOST}', '$HOST {HOST}'],
    ['${HOST}${HOST}', 'dbdb'],
  ])('%s gives %s', (text, expected) => {
    expect(expandVariables(text, environment)).toEqual({ ok: true, text: expected });
  });

  test.each([
    ['${NONE}', 'environment variable NONE is not set; set it or write ${NONE:-default}'],
    [
      '${constructor}',
      'environment variable constructor is not set; set it or write ${constructor:-default}',
    ],
    ['${1}', 'expected ${VAR} or ${VAR:-default}; write $${ for a literal ${'],
    ['a${', 'expected ${VAR} or ${VAR:-default}; write $${ for a literal ${'],
  ])('refuses %s', (text, message) => {
    expect(expandVariables(text, environment)).toEqual({ ok: false, message });
  });

  test('gives back every text that was escaped', () => {
    const piece = fc.constantFrom('$', '{', '}', 'A', ':-', '$$', '${');
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (text) => {
          expect(expandVariables(escapeVariables(text), {})).toEqual({ ok: true, text });
        },
      ),
    );
  });
});

describe('Secret', () => {
  test('shows itself to reveal() alone', () => {
    const value = new Secret('hunter2');
    expect(value.reveal()).toBe('hunter2');
    expect(`${String(value)} ${JSON.stringify({ value })} ${inspect({ value })}`).not.toContain(
      'hunter2',
    );
  });

  test('differs from a secret with another value', () => {
    expect(isDeepStrictEqual(new Secret('a'), new Secret('a'))).toBe(true);
    expect(isDeepStrictEqual(new Secret('a'), new Secret('b'))).toBe(false);
  });

  test('is not repeated by the message that refuses it', () => {
    expect(secret().safeParse(12345).error?.issues[0]?.message).toBe('must be a string');
  });

  test('is read from a file without its last line break', async () => {
    const file = join(await temporaryDirectory(), 'token');
    await writeFile(file, 'hunter2\n');
    expect(secret().parse(`file:${file}`).reveal()).toBe('hunter2');
  });

  test('refuses a file above 64 KiB', async () => {
    const file = join(await temporaryDirectory(), 'token');
    await writeFile(file, 'x'.repeat(65_537));
    const message = secret().safeParse(`file:${file}`).error?.issues[0]?.message;
    expect(message).toBe(`${file} is larger than 64 KiB`);
  });
});

describe('suggest', () => {
  const known = ['listen_addr', 'protocol', 'backend', 'by'];

  test.each([
    ['lisen_addr', 'listen_addr'],
    ['listen_adrd', 'listen_addr'],
    ['backends', 'backend'],
    ['to', null],
    ['address', null],
    ['protocolxyz', null],
  ])('%s: %s', (word, expected) => {
    expect(suggest(word, known)).toBe(expected);
  });

  test('counts edits as a metric does: zero for equal words, the same both ways', () => {
    const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

test('show and formatKey print no control characters', () => {
  expect(show('a\u0085\u202e\u0000')).toBe('"a\\u0085\\u202e\\u0000"');
  expect(formatKey(['\u0085'])).toBe('"\\u0085"');
});

test('formatKey writes a path as TOML would', () => {
  expect(formatKey(['a', 'x y', 0, 'b-c'])).toBe('a."x y"[0].b-c');
});
