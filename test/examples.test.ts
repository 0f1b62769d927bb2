import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runExample } from '../examples/load-balancer/run.ts';

/** What every example prints. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  backup: /^(spare ?){8}$/,
  'health-check': /^(sound ?){8}$/,
  limits: /^one one one one .*\(reset\)/,
  'same-client-same-server': /^(one|two|three)( \1){7}$/,
  weights: /^one two three one one two three one$/,
};

describe('examples of the load balancer', () => {
  const folder = new URL('../examples/load-balancer/', import.meta.url);
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.toml'))
    .map((file) => file.slice(0, -'.toml'.length));

  test('are all tested', () => {
    expect(names.toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  });

  test.each(names)('%s prints what it says', async (name) => {
    expect(await runExample(name)).toMatch(EXPECTED[name]!);
  });
});
