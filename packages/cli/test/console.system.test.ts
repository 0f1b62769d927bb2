/** Clicks through the console as an operator does, in a browser, before a running load balancer. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../scripts/system-requirements.ts';
import { freePort } from '@balancer/kit';
import * as browsing from './browser.ts';
import { overflowOf, SEEN_MS, sees } from './browser.ts';
import { type Running, startProcess, temporaryFile } from './support.ts';

/** In the page: whether the first chart differs from an empty one of its size. */
const HAS_DRAWN = `(() => {
  const chart = document.querySelector('canvas');
  const empty = Object.assign(document.createElement('canvas'), { width: chart.width, height: chart.height });
  return chart.toDataURL() !== empty.toDataURL();
})()`;

describe.skipIf(!commandPath('chromium'))(
  `the console in a browser${skipReason('chromium')}`,
  () => {
    let adminUrl: string;
    let file: string;
    let balancer: Running;
    let browser: Browser;
    let servers: Map<string, Server>;
    let clients: Clients;
    const cleanups: (() => unknown)[] = [];
    const pages: Page[] = [];

    beforeAll(async () => {
      // First: it builds the pages, which a load balancer reads when it starts.
      browser = await browsing.startBrowser();
      servers = new Map([
        ['one', await listen(await freePort())],
        ['two', await listen(await freePort())],
      ]);
      const adminPort = await freePort();
      adminUrl = `http://127.0.0.1:${adminPort}`;
      const frontendPort = await freePort();
      const written = await temporaryFile('config.toml', configOf({ adminPort, frontendPort }));
      ({ file } = written);
      cleanups.push(written.remove);
      balancer = await startBalancer();
      clients = new Clients(frontendPort);
      clients.start();
      cleanups.push(() => clients.stop());
    });

    afterEach(async () => {
      await Promise.all(pages.splice(0).map((page) => page.context().close()));
    });

    afterAll(async () => {
      await browser?.close();
      await balancer?.end('SIGKILL');
      for (const server of servers?.values() ?? []) server.close();
      for (const cleanup of cleanups.toReversed()) await cleanup();
    });

    async function startBalancer(): Promise<Running> {
      const running = startProcess('run', file);
      await running.says(/"msg":"ready"/);
      return running;
    }

    function configOf(ports: { adminPort: number; frontendPort: number }): string {
      return `[frontends.web]
listen_addr = "127.0.0.1:${ports.frontendPort}"
backend = "out"
[backends.out]
health_check_interval = 1
[backends.out.health]
rise = 1
fall = 1
${[...servers].map(([name, server]) => `[backends.out.servers.${name}]\naddr = "127.0.0.1:${portOf(server)}"\n`).join('')}
[stats]
listen_addr = "127.0.0.1:${ports.adminPort}"
token = "s3cret"
`;
    }

    async function visit(
      options: Parameters<Browser['newContext']>[0] = {},
      path = '/stats',
    ): Promise<browsing.Visit> {
      const opened = await browsing.visit(browser, adminUrl + path, options);
      pages.push(opened.page);
      return opened;
    }

    const server = (page: Page, name: string): Locator => page.locator(`[data-server="${name}"]`);
    const state = (page: Page, name: string): Locator => server(page, name).locator('.pill');

    test.each([
      [1440, 'light'],
      [768, 'dark'],
      [360, 'light'],
    ] as const)(
      'draws live rates at %d px in the %s, within the width',
      async (width, colorScheme) => {
        const { page, complaints } = await visit({ viewport: { width, height: 900 }, colorScheme });
        const frontend = page.getByLabel('Frontend web', { exact: true });
        await sees(frontend.locator('.figure').first(), /^[1-9][\d.]*\/s$/);
        await sees(server(page, 'one'), /↓ [1-9][\d.]* KiB\/s/);
        // Two documents make one point, three make a line.
        await expect.poll(() => page.evaluate(HAS_DRAWN), { timeout: SEEN_MS }).toBe(true);
        expect(await overflowOf(page)).toBeLessThanOrEqual(0);
        expect(complaints).toEqual([]);
      },
    );

    test('drains a server with the token, asks for it once, and takes it back', async () => {
      const { page, complaints } = await visit();
      await server(page, 'two').getByRole('button', { name: 'drain' }).click();
      await page.getByLabel('Token', { exact: true }).locator('input').fill('s3cret');
      await page.getByRole('button', { name: 'Use it' }).click();
      await sees(state(page, 'two'), 'drain');
      await page.reload();
      await server(page, 'two').getByRole('button', { name: 'ready' }).click();
      await sees(state(page, 'two'), 'up');
      // The first answer that asked for the token is all that a browser has to say.
      expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
    });

    test('changes the weight of a server, and shows what is in force', async () => {
      const { page, complaints } = await visit();
      await page.evaluate("sessionStorage.setItem('balancer-token', 's3cret')");
      await page.reload();
      const weight = server(page, 'two').locator('.weight');
      await sees(weight, /^1$/);
      await weight.click();
      await page.getByLabel('Weight, 0 to 65,535').fill('70000');
      await page.getByRole('button', { name: 'Set it' }).click();
      // The browser itself keeps what is out of range, with a word about it.
      expect(await page.locator('dialog').count()).toBe(1);
      await page.getByLabel('Weight, 0 to 65,535').fill('3');
      await page.keyboard.press('Enter');
      await sees(page.locator('.notices'), 'two has the weight 3');
      await sees(weight, /^3$/);
      await weight.click();
      await page.getByLabel('Weight, 0 to 65,535').press('Escape');
      await page.locator('dialog').waitFor({ state: 'detached' });
      expect(complaints).toEqual([]);
    });

    test('shows a server that dies as down with the reason, and its return', async () => {
      const { page, complaints } = await visit();
      await sees(state(page, 'one'), 'up');
      const dying = servers.get('one')!;
      const port = portOf(dying);
      dying.close();
      await sees(state(page, 'one'), 'down');
      await sees(server(page, 'one').locator('.check'), 'connection refused');
      await expect.poll(() => page.title(), { timeout: SEEN_MS }).toBe('1 not up · Balancer');
      servers.set('one', await listen(port));
      await sees(state(page, 'one'), 'up');
      expect(complaints).toEqual([]);
    });

    test('shows a refused reload until the file is mended, and the configuration that runs', async () => {
      const good = await readFile(file, 'utf8');
      const { page, complaints } = await visit();
      await writeFile(file, good.replace('rise = 1', 'rise = -1'));
      await sees(page.locator('.reload-error'), /config\.toml:7:8: backends\.out\.health\.rise/);
      await page.getByText('Running since').click();
      await sees(page.locator('details pre'), /rise = 1/);
      await writeFile(file, good.replace('rise = 1', 'rise = 2'));
      await page.locator('.reload-error').waitFor({ state: 'detached' });
      await sees(page.locator('details pre'), /rise = 2/);
      expect(complaints).toEqual([]);
    });

    test('says when nothing answers, and goes on when the load balancer is back', async () => {
      const { page } = await visit();
      await sees(page.locator('.link'), 'live');
      clients.stop();
      await balancer.end('SIGKILL');
      await sees(page.locator('.link'), 'nothing answers at this address');
      await expect.poll(() => page.title(), { timeout: SEEN_MS }).toBe('no answer · Balancer');
      balancer = await startBalancer();
      clients.start();
      await sees(page.locator('.link'), 'live');
      const frontend = page.getByLabel('Frontend web', { exact: true });
      await sees(frontend.locator('.figure').first(), /^[1-9][\d.]*\/s$/);
    });

    test('is a plain table without scripts', async () => {
      const { page, complaints } = await visit({ javaScriptEnabled: false });
      await sees(page.locator('table').last(), /one\s*127\.0\.0\.1:\d+\s*up/);
      expect(await page.locator('canvas').count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    test('asks for the token first where reading needs it', async () => {
      const good = await readFile(file, 'utf8');
      await writeFile(file, `${good}allow_remote = true\n`);
      const status = async (): Promise<number> => (await fetch(`${adminUrl}/stats.json`)).status;
      await expect.poll(status, { timeout: SEEN_MS }).toBe(401);
      const { page } = await visit({}, '/');
      await page.getByLabel('Token', { exact: true }).locator('input').fill('s3cret');
      await page.getByRole('button', { name: 'Use it' }).click();
      await sees(state(page, 'one'), 'up');
      expect(new URL(page.url()).pathname).toBe('/console');
      await writeFile(file, good);
      await expect.poll(status, { timeout: SEEN_MS }).toBe(200);
    });
  },
);

/** A server that answers with 20 kB and hangs up. */
async function listen(port: number): Promise<Server> {
  const answer = Buffer.alloc(20_000);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Opens twenty connections a second, while it is started. */
class Clients {
  private readonly port: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(port: number) {
    this.port = port;
  }

  start(): void {
    this.timer = setInterval(() => this.ask(), 50);
  }

  /**
   * Whoever takes the load balancer away stops them first: a client that keeps asking for a port
   * where nobody listens may get that very port as its own, and then nobody can listen there.
   */
  stop(): void {
    clearInterval(this.timer);
  }

  private ask(): void {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write('question');
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
