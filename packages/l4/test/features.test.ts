/** The list of DPVS's features in the README: every line names tests that exist, or says why there is none. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const PACKAGE = new URL('../', import.meta.url);
const README = readFileSync(new URL('README.md', PACKAGE), 'utf8');
const LIST = /## What DPVS does, and where it is here\n(.*?)\n## /s.exec(README)?.[1] ?? '';
/** Reasons for which a line may do without a test. */
const REASONS = /^(Linux does it: |Not needed: |Not yet[.:;])/;
/** A part of a title that says something; those of cases stand whole. */
const TITLE_LENGTH_MIN = 12;

interface Line {
  readonly feature: string;
  readonly here: string;
  readonly shown: readonly { readonly path: string; readonly title: string }[];
}

const lines = LIST.split('\n')
  .filter((text) => text.startsWith('| ') && !text.startsWith('| feature'))
  .map((text): Line => {
    const [, feature = '', here = '', shown = ''] = text.split(/\s*(?<!\\)\|\s*/);
    const named = [...shown.matchAll(/`([^`]+)`: (.+?)(?:; (?=`)|$)/g)];
    return { feature, here, shown: named.map(([, path = '', title = '']) => ({ path, title })) };
  });

/** Titles in a file of cases, or the text of a file of tests. */
function holds(path: string, title: string): boolean {
  const text = readFileSync(fileURLToPath(new URL(path, PACKAGE)), 'utf8');
  if (!path.endsWith('.json')) return title.length >= TITLE_LENGTH_MIN && text.includes(title);
  const cases = JSON.parse(text) as readonly { readonly title: string }[];
  return cases.some((each) => each.title === title);
}

describe("the list of DPVS's features", () => {
  test('has lines', () => {
    expect(lines.length).toBeGreaterThan(50);
    expect(new Set(lines.map(({ feature }) => feature)).size).toBe(lines.length);
  });

  test.each(lines)('$feature: shown by tests that exist, or by a reason', ({ here, shown }) => {
    if (shown.length === 0) expect(here).toMatch(REASONS);
    for (const { path, title } of shown) {
      expect([path, title, holds(path, title)]).toEqual([path, title, true]);
    }
  });
});
