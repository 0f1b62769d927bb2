/** Opens a report in a browser, from disk, as whoever gets it by mail does. */
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planOf, runPlan, writeReport } from '@balancer/simulation';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { scratchFolder } from '../files.ts';
import { ARB, experiment, NOISE } from '../experiment/support.ts';

const executablePath = commandPath('chromium');
/** Only what hangs gets there. */
const SEEN = { timeout: 60_000 };

describe.skipIf(!executablePath)(`report.html in a browser${skipReason('chromium')}`, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
  });

  test.each([
    [360, 'light'],
    [360, 'dark'],
    [1440, 'light'],
    [1440, 'dark'],
  ] as const)(
    'at %i px, %s: draws every figure, tells values under the pointer, asks nobody and says no error',
    async (width, colorScheme) => {
      const out = scratchFolder();
      const config = experiment(
        `${ARB}${NOISE}[sweep]\n"pool.swapFee" = [0.001, 0.003, 0.01]\n[output]\nevery = 20\n`,
        'runs = 5',
      );
      await runPlan(planOf(config, '.'), { out, workers: 0 });
      const url = pathToFileURL(await writeReport(out)).href;
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      try {
        const page = await context.newPage();
        const trouble: string[] = [];
        page.on('console', (message) => message.type() === 'error' && trouble.push(message.text()));
        page.on('pageerror', (error) => trouble.push(error.message));
        page.on(
          'request',
          (request) => !/^(file|data):/.test(request.url()) && trouble.push(request.url()),
        );
        await page.goto(url);
        await expect.poll(() => page.locator('.plot canvas').count(), SEEN).toBe(8);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
          width,
        );
        await page.locator('.plot .u-over').first().hover();
        await expect
          .poll(() => page.locator('.plot .u-legend').first().textContent(), SEEN)
          .toMatch(/value over holding:?\s*[\d.−-]+ \([\d.−-]+ to/);
        await page.locator('th button', { hasText: 'fees' }).first().click();
        expect(await page.locator('.sortable tbody tr th').first().textContent()).toBe(
          'swapFee 0.01',
        );
        expect(trouble).toEqual([]);
      } finally {
        await context.close();
      }
    },
  );

  test('without scripts shows its tables', async () => {
    const out = scratchFolder();
    await runPlan(planOf(experiment(`${ARB}[output]\nevery = 100\n`, 'runs = 3'), '.'), { out });
    const context = await browser.newContext({ javaScriptEnabled: false });
    try {
      const page = await context.newPage();
      await page.goto(pathToFileURL(await writeReport(out)).href);
      await page.locator('summary', { hasText: 'Table: value, quote' }).click();
      expect(await page.locator('details[open] tbody tr').count()).toBe(6);
    } finally {
      await context.close();
    }
  });
});
