/**
 * A browser before a running daemon, for the tests of its pages.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { commandPath } from '../../../scripts/system-requirements.ts';

const BUILD = fileURLToPath(new URL('../../../scripts/ensure-console.mjs', import.meta.url));

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Longest wait for something to be seen; only what hangs gets there. */
export const SEEN_MS = 60_000;

/** Builds the pages if their sources changed, and starts the system's Chromium. */
export async function startBrowser(): Promise<Browser> {
  await promisify(execFile)(process.execPath, [BUILD]);
  return chromium.launch({
    executablePath: commandPath('chromium')!,
    args: CHROMIUM_FLAGS,
    timeout: SEEN_MS,
  });
}

export interface Visit {
  readonly page: Page;
  /** What the browser complained about so far. */
  readonly complaints: readonly string[];
}

/** Opens an address in a window of its own, whose settings and storage nobody shares. */
export async function visit(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(SEEN_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

/** Waits until a text is seen. */
export async function sees(locator: Locator, text: string | RegExp): Promise<void> {
  await locator.filter({ hasText: text }).first().waitFor();
}

/** How many pixels the page is wider than its window. */
export async function overflowOf(page: Page): Promise<number> {
  return Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
}
