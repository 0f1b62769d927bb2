import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planOf, runPlan, writeReport } from '@balancer/simulation';
import { scratchFolder } from '../files.ts';
import { ARB, experiment } from '../experiment/support.ts';

async function reportOf(more: string, runs = 4): Promise<string> {
  const out = scratchFolder();
  await runPlan(planOf(experiment(`${ARB}${more}`, `runs = ${runs}`), '.'), { out });
  return readFileSync(await writeReport(out, 'my.toml'), 'utf8');
}

describe('report.html', () => {
  test('holds everything itself: styles, scripts, figures and a table for each', async () => {
    const html = await reportOf(
      '[sweep]\n"pool.swapFee" = [0.001, 0.003]\n[output]\nevery = 100\n',
    );
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
    const figures = html.match(/<section class="figure">/g)!.length;
    expect(figures).toBe(8);
    expect(html.match(/<details><summary>Table: /g)).toHaveLength(figures);
    expect(html).toContain('Best point: swapFee 0.003');
    expect(html).toContain('8 runs at 2 points of 500 steps');
    expect(html).toContain('balancer sim run my.toml --run ');
  });

  test('shows two swept parameters as a map, and one run without intervals', async () => {
    expect(
      await reportOf(
        '[sweep]\n"pool.swapFee" = [0.001, 0.003]\n"pool.weights" = [[0.5, 0.5], [0.8, 0.2]]\n',
      ),
    ).toContain('<table class="heat">');
    const one = await reportOf('', 1);
    expect(one).not.toContain('class="range"');
    expect(one).not.toContain('class="figure"');
  });

  test('shows names as text', async () => {
    const html = await reportOf(
      '[sweep]\n"pool.tokens" = []\n'.replace(
        '"pool.tokens" = []',
        '"agents.0.name" = ["<b>x</b>"]',
      ),
    );
    expect(html).not.toContain('<b>x</b>');
    expect(html).toContain('&lt;b&gt;x&lt;/b&gt;');
  });

  test('of a folder without results says what to name', async () => {
    await expect(writeReport(join(scratchFolder(), 'none'))).rejects.toThrow(
      'name a folder that a run has written',
    );
  });
});
