import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runVectors } from '../../scripts/run-vectors.ts';
import type { Json } from '../../src/json.ts';
import { describeReport, replayFile } from '../../src/vectors/report.ts';
import { readVectors } from './run.ts';

const FOLDER = new URL('.', import.meta.url);

const file = (...cases: readonly object[]): string =>
  JSON.stringify({
    format: 'pools-vectors/1',
    title: 't',
    source: 's',
    units: 'u',
    count: cases.length,
    cases,
  });
const GOOD = { id: 'good', op: 'bnum.bmul', in: { a: '2000000000000000000', b: '3' }, out: '6' };
const WRONG = { ...GOOD, id: 'wrong', out: '7' };
const SHOULD_REVERT = { id: 'calm', op: 'bnum.bmul', in: GOOD.in, revert: 'ERR_MUL_OVERFLOW' };

describe('a vector report', () => {
  test('names a differing case with both values', () => {
    const lines = describeReport(replayFile('f.json', file(GOOD, WRONG, SHOULD_REVERT))).join('\n');
    expect(lines).toContain('f.json: 1 of 3 cases agree');
    expect(lines).toContain('wrong (bnum.bmul) differs at out\n    expected "7"\n    computed "6"');
    expect(lines).toContain('expected {"revert":"ERR_MUL_OVERFLOW"}');
  });

  test('names the step of a scenario that differs, also when only a revert was expected away', () => {
    const scenario = {
      id: 'steps',
      op: 'bpool.scenario',
      in: {
        tokens: [{ sym: 'A', decimals: 18 }],
        controller: 'alice',
        steps: [{ do: 'finalize' }],
      },
      out: [{}],
    };
    expect(replayFile('f.json', file(scenario)).differences).toEqual([
      {
        caseId: 'steps',
        op: 'bpool.scenario',
        path: 'out[0].revert',
        expected: undefined,
        actual: 'ERR_MIN_TOKENS',
      },
    ]);
  });

  test('leaves out what is not about pools, and says so', () => {
    const report = replayFile('f.json', file(GOOD, { id: 'x', op: 'sim.gbm', in: {} }));
    expect(report).toMatchObject({ cases: 1, skipped: 1, malformed: [] });
  });

  test.each([
    [/bad\.in\.b: is missing/, { ...GOOD, id: 'bad', in: { a: '1' } }],
    [
      /bad\.in\.a: must be an integer as a decimal string; got 1/,
      { ...GOOD, id: 'bad', in: { a: 1, b: '1' } },
    ],
    [/"bnum\.bmull" is no known operation/, { ...GOOD, op: 'bnum.bmull' }],
  ])('says where a case is malformed: %s', (message, vector) => {
    expect(replayFile('f.json', file(vector)).malformed).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    [/f\.json: is not JSON/, '{'],
    [/f\.json\.format: must be "pools-vectors\/1"/, '{}'],
    [/f\.json\.cases: must be an array/, '{"format":"pools-vectors/1"}'],
    [/f\.json\.count: says 2, the file has 1/, file(GOOD).replace('"count":1', '"count":2')],
    [/f\.json\.cases\[0\]\.op: must be a string/, file({ id: 'x', in: {} })],
    [/f\.json\.cases\[0\]\.in: must be an object/, file({ id: 'x', op: 'y' })],
  ])('refuses a malformed file: %s', (message, text) => {
    expect(() => replayFile('f.json', text)).toThrow(message);
  });
});

describe('a record with one member missing or of another type', () => {
  const cases = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readVectors(name).cases)
    .filter((vector) => JSON.stringify(vector).length < 20_000);
  const other = fc.constantFrom<Json>(null, 5, 'x', [], {}, true, '-1', '1e3', '0x12');

  test('is replayed, or refused with its path', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.nat(),
        fc.option(other, { nil: undefined }),
        (vector, place, value) => {
          const inputs: { [name: string]: Json } = structuredClone(vector.in);
          const places = placesOf(inputs);
          places[place % places.length]!(value);
          const { malformed } = replayFile('f.json', file({ ...vector, in: inputs }));
          for (const message of malformed) expect(message.startsWith(`${vector.id}.in`)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** For every member at any depth, what puts another value in its place, or nothing. */
function placesOf(json: Json): ((value: Json | undefined) => void)[] {
  if (typeof json !== 'object' || json === null) return [];
  const members = json as { [name: string]: Json };
  return Object.keys(members).flatMap((key) => [
    (value: Json | undefined) => {
      if (value === undefined) Reflect.deleteProperty(members, key);
      else members[key] = value;
    },
    ...placesOf(members[key]!),
  ]);
}

describe('npm run vectors', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (path = folder) => {
    const lines: string[] = [];
    const code = runVectors(path, (line) => lines.push(line));
    return { code, text: lines.join('\n') };
  };

  test('counts per operation and exits with 0, 1 or 2', () => {
    writeFileSync(join(folder, 'other.json'), '{"format":"something else"}');
    writeFileSync(join(folder, 'good.json'), file(GOOD));
    expect(run()).toEqual({
      code: 0,
      text: 'good.json: 1 of 1 cases agree\n  bnum.bmul: 1\n1 files, 1 cases',
    });
    writeFileSync(join(folder, 'wrong.json'), file(WRONG));
    expect(run()).toMatchObject({ code: 1, text: expect.stringContaining('expected "7"') });
    writeFileSync(join(folder, 'broken.json'), '{"format":"pools-vectors/1"');
    expect(run()).toMatchObject({ code: 2, text: expect.stringContaining('is not JSON') });
    expect(run(join(folder, 'none'))).toMatchObject({ code: 2 });
  });
});
