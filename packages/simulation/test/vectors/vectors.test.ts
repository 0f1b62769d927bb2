import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runCase, type SimulationCase } from '@balancer/simulation';
import { pricesIn, runVectors } from '../../scripts/run-vectors.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

function casesOf(file: string): readonly SimulationCase[] {
  return (JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as { cases: SimulationCase[] })
    .cases;
}

describe('known answers', () => {
  test.each(casesOf('pools-simmath.json').map((vector) => [vector.id, vector.op, vector] as const))(
    '%s (%s) comes out as recorded',
    (_id, _op, vector) => {
      expect(runCase(vector, () => null)).toEqual({ status: 'agrees' });
    },
  );

  const prices = pricesIn(folder)('pools-sim-prices-fa25.csv', ['AAVE']);
  const skipped =
    prices === null ? ' (skipped: the recorded prices are not beside the repository)' : '';
  test
    .skipIf(prices === null)
    .each(casesOf('pools-sim.json').map((vector) => [vector.id, vector] as const))(
    `%s, the reference study of arb.grid, comes out as recorded${skipped}`,
    (_id, vector) => {
      expect(runCase(vector, pricesIn(folder))).toEqual({ status: 'agrees' });
    },
  );

  test('a wrong number is found and named', () => {
    const vector = casesOf('pools-simmath.json')[1]!;
    const out = [...(vector.out as string[])];
    out[3] = '99';
    expect(runCase({ ...vector, out }, () => null)).toMatchObject({
      status: 'differs',
      path: 'out[3]',
    });
  });

  test('an unknown operation is refused with its name', () => {
    const vector = { ...casesOf('pools-simmath.json')[0]!, op: 'sim.none' };
    expect(() => runCase(vector, () => null)).toThrow('"sim.none" is no known operation');
  });
});

describe('npm run vectors', () => {
  test('reports each file and exits with 0; a folder without vectors is 2', () => {
    const lines: string[] = [];
    expect(runVectors(folder, (line) => lines.push(line))).toBe(0);
    expect(lines).toContain('pools-simmath.json: 30 of 30 cases agree');
    expect(runVectors(`${folder}/none`, (line) => lines.push(line))).toBe(2);
    expect(lines.at(-1)).toContain('cannot be read');
  });
});
