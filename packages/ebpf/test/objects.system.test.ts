/** The committed objects are what the committed sources compile to. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  COMPILER,
  compile,
  hasCompiler,
  hashSources,
  objectNames,
  sha256,
  type Manifest,
} from '../tools/build-objects.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string): Uint8Array => readFileSync(`${FOLDER}/bpf/objects/${name}`);
const manifest: Manifest = JSON.parse(Buffer.from(read('manifest.json')).toString());

describe('committed objects', () => {
  test('are all listed with the sources they come from', () => {
    expect(Object.keys(manifest).toSorted()).toEqual(objectNames(FOLDER).toSorted());
    const sources = hashSources(FOLDER);
    for (const [name, entry] of Object.entries(manifest)) {
      expect([name, entry.sources]).toEqual([name, sources]);
      expect([name, entry.object]).toEqual([name, sha256(read(`${name}.o`))]);
    }
  });

  test('contain no path of the machine that built them', () => {
    for (const name of objectNames(FOLDER)) {
      const text = Buffer.from(read(`${name}.o`)).toString('latin1');
      expect(text).not.toMatch(/\/(home|root|work|tmp|usr)\//);
    }
  });

  const skipped = hasCompiler() ? '' : ` (skipped: needs ${COMPILER}, package clang-14 of Debian)`;
  describe.skipIf(skipped !== '')(`compiled again${skipped}`, () => {
    test.each(objectNames(FOLDER))('%s has the same bytes', (name) => {
      expect(sha256(compile(FOLDER, name))).toBe(manifest[name]!.object);
    });
  });
});
