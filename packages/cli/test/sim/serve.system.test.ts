/** The page of simulations in a browser: start, watch, cancel, compare, read. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { type Running, startProcess } from '../support.ts';
import { HeldAgent } from './held-agent.ts';

const BUILD = fileURLToPath(new URL('../../../../scripts/ensure-console.mjs', import.meta.url));
const SEEN = { timeout: 60_000 };
const executablePath = commandPath('chromium');

const study = (name: string, fee: number, steps: number): string => `
name = "${name}"
runs = 60
[pool]
tokens = ["ETH", "CASH"]
weights = [0.5, 0.5]
value = 2000
swapFee = ${fee}
[time]
steps = ${steps}
[price.ETH]
process = "gbm"
sigma = 0.8
[[agents]]
type = "arb.solver"
`;

describe.skipIf(!executablePath)(`balancer sim serve in a browser${skipReason('chromium')}`, () => {
  let browser: Browser;
  let server: Running;
  let address: string;
  let folder: string;
  let agent: HeldAgent;

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [BUILD]);
    folder = mkdtempSync(join(tmpdir(), 'simulation-serve-'));
    agent = new HeldAgent(folder);
    server = startProcess(
      'sim',
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--out',
      folder,
      '--workers',
      '1',
    );
    [address] = await server.says(/http:\/\/127\.0\.0\.1:\d+\/#token=\S+/);
    browser = await chromium.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.end('SIGKILL');
    if (folder) rmSync(folder, { recursive: true });
  });

  async function open(): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(address);
    return { page, problems };
  }
  async function start(page: Page, text: string): Promise<void> {
    await page.getByLabel('Experiment file (TOML)').fill(text);
    await page.getByRole('button', { name: 'Start' }).click();
  }
  const rowOf = (page: Page, name: string) =>
    page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

  test('starts experiments, shows them run, compares them and opens the report; the token leaves the address', async () => {
    const { page, problems } = await open();
    expect(page.url()).not.toContain('token');
    await page.getByText('None yet. Start one below.').waitFor(SEEN);
    await page.getByLabel('Experiment file (TOML)').filter({ hasText: '' }).waitFor(SEEN);
    agent.holdAfter(5);
    const held = `[[agents]]\ntype = "module"\nname = "held"\nfile = "${agent.path}"\n`;
    await start(page, study('low', 0.001, 400) + held);
    await rowOf(page, 'low').getByText('running').waitFor(SEEN);
    await page.getByRole('heading', { name: 'low runs' }).waitFor(SEEN);
    agent.release();
    await start(page, study('high', 0.01, 300));
    await rowOf(page, 'low').getByText('done').waitFor(SEEN);
    await rowOf(page, 'high').getByText('done').waitFor(SEEN);
    const table = page.locator('.compare table');
    await table.waitFor(SEEN);
    await table.getByRole('row', { name: /^fees / }).waitFor(SEEN);
    await page
      .getByText('Runs share their seeds, so differences are taken run by run.')
      .waitFor(SEEN);

    const download = page.waitForEvent('download');
    await rowOf(page, 'low').getByRole('link', { name: 'runs.csv' }).click();
    expect((await download).suggestedFilename()).toBe('low-runs.csv');
    await rowOf(page, 'low').getByRole('link', { name: 'report' }).click();
    await page.getByRole('heading', { name: 'low', exact: true }).waitFor(SEEN);
    await page.locator('.plot canvas').first().waitFor(SEEN);
    expect(problems).toEqual([]);
    await page.close();
  });

  test('cancels a run; what is done stays', async () => {
    const { page } = await open();
    await start(page, study('long', 0.002, 400_000));
    await rowOf(page, 'long').getByText('running').waitFor(SEEN);
    await rowOf(page, 'long').getByRole('button', { name: 'Cancel' }).click();
    await rowOf(page, 'long').getByText('stopped').waitFor(SEEN);
    expect(await rowOf(page, 'long').getByRole('button', { name: 'Cancel' }).count()).toBe(0);
    await page.close();
  });

  test('answers a mistake with the words of the command line, and keeps what was typed', async () => {
    const { page } = await open();
    await start(page, study('wrong', 0.001, 10).replace('steps', 'stepz'));
    await page.getByText('time.stepz: unknown key; did you mean').waitFor(SEEN);
    expect(await page.getByLabel('Experiment file (TOML)').inputValue()).toContain('stepz');
    await page.close();
  });

  test.each([
    [360, 'light'],
    [360, 'dark'],
    [1440, 'light'],
    [1440, 'dark'],
  ] as const)('at %i px, %s, nothing is wider than the page', async (width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await page.goto(address);
    await page.getByRole('heading', { name: 'Start an experiment' }).waitFor(SEEN);
    await page.locator('.compare table').waitFor(SEEN);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    const folderOfShots = process.env['SIM_SHOTS'];
    if (folderOfShots)
      await page.screenshot({
        path: join(folderOfShots, `serve-${width}-${colorScheme}.png`),
        fullPage: true,
      });
    await page.close();
  });

  test('without the token nothing can be started, and other names for this machine are refused', async () => {
    const { origin } = new URL(address);
    const body = JSON.stringify({ experiment: study('x', 0.1, 1) });
    const refused = await fetch(`${origin}/simulations`, { method: 'POST', body });
    expect(refused.status).toBe(401);
    expect((await fetch(`${origin}/simulations/none/files/report.html`)).status).toBe(404);
    expect((await fetch(`${origin}/simulations/..%2f..%2fetc/files/passwd`)).status).toBe(404);
  });
});
