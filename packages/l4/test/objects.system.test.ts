/** The committed object is what the sources compile to, and it stays within the verifier's budget. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadObject } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import {
  COMPILER,
  compile,
  hasCompiler,
  hashSources,
  objectNames,
  sha256,
  typesOf,
  type Manifest,
} from '../../ebpf/tools/build-objects.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string): Uint8Array => readFileSync(`${FOLDER}/bpf/objects/${name}`);
const manifest: Manifest = JSON.parse(Buffer.from(read('manifest.json')).toString());
const names = objectNames(FOLDER);
const NO_COMPILER = hasCompiler()
  ? ''
  : ` (skipped: needs ${COMPILER}, package clang-14 of Debian)`;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

describe('committed objects', () => {
  test.each(names)('%s is listed with the sources it comes from', (name) => {
    expect(manifest[name]!.sources).toBe(hashSources(FOLDER));
    expect(manifest[name]!.object).toBe(sha256(read(`${name}.o`)));
    expect(typesOf(name, read(`${name}.o`))).toBe(Buffer.from(read(`${name}.types.ts`)).toString());
  });

  test.skipIf(NO_COMPILER !== '').each(names)(
    `%s has the same bytes when compiled again${NO_COMPILER}`,
    (name) => {
      expect(sha256(compile(FOLDER, name))).toBe(manifest[name]!.object);
    },
  );
});

describe('verifier budget', () => {
  test.skipIf(NO_ROOT !== '').each(names)(
    `%s needs at most 300 000 instructions and 448 bytes of stack${NO_ROOT}`,
    (name) => {
      const loaded = loadObject(read(`${name}.o`), {
        statistics: true,
        maxEntries: name === 'floor' ? {} : { l4_ct: 1024 },
      });
      for (const program of loaded.programs.values()) {
        const { processedInstructions, stackBytes } = program.statistics!;
        console.log(
          `${program.name}: ${processedInstructions} instructions, ${stackBytes} bytes of stack`,
        );
        expect(processedInstructions).toBeLessThanOrEqual(300_000);
        expect(stackBytes).toBeLessThanOrEqual(448);
      }
      loaded.close();
    },
  );
});
