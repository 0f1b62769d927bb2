import { readdirSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runDemo } from '../examples/bbb-demo/run.ts';
import { runExample } from '../examples/load-balancer/run.ts';
import { runRollingDeploy, summaryOf } from '../examples/rolling-deploy/run.ts';

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
    // However slow the machine is, no rate earns anything while an example asks.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    onTestFinished(() => clock.mockRestore());
    expect(await runExample(name)).toMatch(EXPECTED[name]!);
  });
});

describe('the rolling deployment', () => {
  test('replaces every server under load without a failed request', async () => {
    const steps: string[] = [];
    const answers = await runRollingDeploy((step) => void steps.push(step));
    expect(steps).toEqual(
      ['one', 'two', 'three'].flatMap((name) => [`${name}: drained`, `${name}: v2 is up`]),
    );
    expect(answers.failures).toEqual([]);
    expect(answers.byVersion.get('v1')).toBeGreaterThan(0);
    expect(answers.byVersion.get('v2')).toBeGreaterThan(0);
    expect(summaryOf(answers)).toMatch(/^requests: \d+ \(v1 \d+, v2 \d+\), failed: 0$/);
  });
});

test('the demonstration of the BigBlueButton gateway loses a server and no meeting', async () => {
  const lines: string[] = [];
  await runDemo((line) => void lines.push(line));
  expect(lines).toEqual([
    'six meetings over three servers',
    '  bbb1: algebra drama',
    '  bbb2: biology english',
    '  bbb3: chemistry french',
    'bbb1 dies; two polls later it is out',
    '  bbb2: biology english',
    '  bbb3: chemistry french',
    'the front-end opens its rooms again, as it does before every join',
    '  bbb2: algebra biology english',
    '  bbb3: chemistry drama french',
    'Ada joins algebra: /client',
    'biology ends; its recording arrives, and is imported',
    '  getRecordings: video, 45 minutes',
    '  played: <h1>Biology</h1>, bytes 0-99/5000 with status 206',
  ]);
});
