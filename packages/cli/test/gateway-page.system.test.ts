/** Clicks through the gateway's page as a school's administrator does, before a running gateway. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultBbbConfig, Gateway, runOperation } from '@balancer/bbb';
import { loadConsole } from '@balancer/console';
import { buildArchive, FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { Secret } from '@balancer/kit';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../scripts/system-requirements.ts';
import { overflowOf, SEEN_MS, sees, startBrowser, type Visit, visit } from './browser.ts';

const SECRET = 'front-end-secret';

describe.skipIf(!commandPath('chromium'))(
  `the page of the gateway in a browser${skipReason('chromium')}`,
  () => {
    let browser: Browser;
    let folder: string;
    let fakes: Record<'bbb1' | 'bbb2', FakeBbb>;
    let gateway: Gateway;
    let adminUrl: string;
    let api: string;
    let token: string;
    const pages: Page[] = [];

    beforeAll(async () => {
      browser = await startBrowser();
    });
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'balancer-gateway-page-'));
      fakes = {
        bbb1: await FakeBbb.start({ version: '3.0.1' }),
        bbb2: await FakeBbb.start({ secret: 'other' }),
      };
      gateway = await Gateway.open({
        config: defaultBbbConfig({
          data_dir: folder,
          bind: '127.0.0.1',
          port: 0,
          admin_port: 0,
          poll_interval: 3_600_000,
          // A machine that stalls must not take a server for dead.
          connect_timeout: 300_000,
          response_timeout: 300_000,
          recordings_import_poll_interval: 3_600_000,
          recordings_import_settle_seconds: 0,
          secrets: [new Secret(SECRET)],
        }),
        assets: loadConsole()!.gatewayAssets,
      });
      for (const [id, { url, secret }] of Object.entries(fakes)) {
        await runOperation(gateway, 'servers.add', { id, url, secret, isEnabled: true });
      }
      const made = await runOperation(gateway, 'tokens.create', { role: 'admin', name: 'Ada' });
      ({ token } = made as { token: string });
      const { publicPort, adminPort } = await gateway.start();
      await runOperation(gateway, 'poll', {});
      adminUrl = `http://127.0.0.1:${adminPort}/`;
      api = `http://127.0.0.1:${publicPort}/bigbluebutton/api`;
    });
    afterEach(async () => {
      await Promise.all(pages.splice(0).map((page) => page.context().close()));
      await gateway.close();
      for (const fake of Object.values(fakes)) await fake.close();
      rmSync(folder, { recursive: true, force: true });
    });
    afterAll(async () => browser?.close());

    async function create(meetingID: string): Promise<void> {
      const query = signedQuery({
        call: 'create',
        query: `name=x&meetingID=${meetingID}`,
        secret: SECRET,
      });
      const answer = await (await fetch(`${api}/create?${query}`)).text();
      if (!answer.includes('SUCCESS')) throw new Error(answer);
    }

    async function signIn(
      options: Parameters<Browser['newContext']>[0] = {},
      { as = token, hash = '' }: { readonly as?: string; readonly hash?: string } = {},
    ): Promise<Visit> {
      const opened = await visit(browser, `${adminUrl}${hash}`, options);
      pages.push(opened.page);
      await opened.page.getByLabel('Token').fill(as);
      await opened.page.getByRole('button', { name: 'Sign in' }).click();
      await opened.page.locator('.glance').waitFor();
      return opened;
    }

    const server = (page: Page, id: string): Locator => page.locator(`[data-server="${id}"]`);
    const state = (page: Page, id: string, name: string): Locator =>
      page.getByLabel(`State of ${id}`).getByRole('button', { name });

    test.each([
      [1440, 'light'],
      [800, 'dark'],
      [360, 'light'],
    ] as const)(
      'shows the pool at %d px in the %s, within the width and from here alone',
      async (width, colorScheme) => {
        await create('m1');
        const { page, complaints } = await signIn({
          viewport: { width, height: 900 },
          colorScheme,
        });
        const requested: string[] = [];
        page.on('request', (request) => requested.push(request.url()));
        await page.reload();
        await sees(server(page, 'bbb1'), 'takes meetings');
        await sees(server(page, 'bbb1'), 'BBB 3.0.1');
        await sees(page.locator('.glance'), '2 of 2');
        for (const part of ['Meetings', 'Recordings', 'Tenants', 'Access', 'Servers']) {
          await page.getByRole('link', { name: part }).click();
          await page.getByLabel(part, { exact: true }).waitFor();
          expect([part, await overflowOf(page)]).toEqual([part, 0]);
        }
        expect(requested.filter((url) => !url.startsWith(adminUrl))).toEqual([]);
        expect(complaints).toEqual([]);
      },
    );

    test('refuses a wrong token, keeps a right one until the sign-out', async () => {
      const { page } = await visit(browser, adminUrl);
      pages.push(page);
      await page.getByLabel('Token').fill('guess');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await sees(page.getByRole('alert'), 'That token is not known here');
      await page.getByLabel('Token').fill(token);
      await page.keyboard.press('Enter');
      await sees(server(page, 'bbb1'), 'bbb1');
      await page.reload();
      await sees(server(page, 'bbb1'), 'bbb1');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Token').waitFor();
      expect(await page.locator('[data-server]').count()).toBe(0);
    });

    test('cordons and enables, and ends meetings only after a yes', async () => {
      const { page, complaints } = await signIn();
      await state(page, 'bbb1', 'cordoned').click();
      await sees(page.locator('.notices'), 'bbb1 is cordoned');
      await sees(server(page, 'bbb1').locator('.pill'), 'cordoned');
      await create('m1');
      expect(fakes.bbb2.meetings.size).toBe(1);
      await page.getByRole('button', { name: 'Check all now' }).click();
      await sees(page.locator('.notices'), '2 servers asked, all answered');
      await state(page, 'bbb2', 'disabled').click();
      await sees(page.locator('dialog'), '1 meeting with 0 people will end on bbb2');
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(fakes.bbb2.meetings.size).toBe(1);
      await page.getByRole('button', { name: 'Manage bbb2' }).click();
      await page.getByRole('button', { name: 'Panic: end all its meetings' }).click();
      await page.getByRole('button', { name: 'End 1 meeting' }).click();
      await sees(page.locator('.notices'), 'bbb2 is disabled, 1 meeting ended');
      await sees(server(page, 'bbb2').locator('.pill'), 'disabled');
      expect(fakes.bbb2.meetings.size).toBe(0);
      expect(complaints).toEqual([]);
    });

    test('says what is wrong with a server, and finds it among the others', async () => {
      await fakes.bbb2.refuse();
      for (let poll = 0; poll < 2; poll++) await runOperation(gateway, 'poll', {});
      const { page } = await signIn();
      await sees(server(page, 'bbb2').locator('.pill'), 'offline');
      await sees(server(page, 'bbb2').locator('.why'), 'ECONNREFUSED');
      await expect.poll(() => page.title(), { timeout: SEEN_MS }).toBe('1 in trouble · Balancer');
      await page.getByRole('button', { name: 'Only trouble 1' }).click();
      await server(page, 'bbb1').waitFor({ state: 'detached' });
      expect(await page.locator('[data-server]').count()).toBe(1);
    });

    test('adds, changes and removes a server', async () => {
      const { page } = await signIn();
      await page.getByRole('button', { name: 'Add a server' }).click();
      await page.getByLabel('Address of its API').fill(fakes.bbb1.url);
      await page.getByLabel('Secret', { exact: true }).fill('fake-secret');
      await page.getByLabel('Name').fill('bbb1');
      await page.getByRole('button', { name: 'Add it' }).click();
      await sees(page.locator('dialog .failed'), 'there is a server bbb1 already');
      await page.getByLabel('Name').fill('bbb3');
      await page.getByRole('button', { name: 'Add it' }).click();
      await sees(server(page, 'bbb3'), 'takes meetings');
      await page.getByRole('button', { name: 'Manage bbb3' }).click();
      await page.getByLabel('Multiplier').fill('2.5');
      await page.getByLabel('Tag').fill('gpu');
      await page.getByLabel('People at most').fill('300');
      await page.getByRole('button', { name: 'Save' }).click();
      await sees(server(page, 'bbb3'), /gpu.*× 2\.5.*0 of 300/s);
      await page.getByRole('button', { name: 'Manage bbb3' }).click();
      await page.getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('button', { name: 'Remove it' }).click();
      await server(page, 'bbb3').waitFor({ state: 'detached' });
      expect(await page.locator('[data-server]').count()).toBe(2);
    });

    test('finds a meeting and ends it', async () => {
      await create('algebra');
      await create('physics');
      const { page } = await signIn({}, { hash: '#meetings' });
      await page.getByLabel('Find a meeting').fill('alg');
      await page.locator('[data-meeting]', { hasText: 'physics' }).waitFor({ state: 'detached' });
      await sees(page.locator('[data-meeting]'), 'algebra');
      expect(await page.locator('[data-meeting]').count()).toBe(1);
      await page.getByRole('button', { name: 'End algebra' }).click();
      await page.getByRole('button', { name: 'End the meeting' }).click();
      await sees(page.locator('.notices'), 'algebra has ended');
      await sees(page.locator('.empty'), 'None fits.');
      expect(fakes.bbb1.meetings.size + fakes.bbb2.meetings.size).toBe(1);
    });

    test('shows recordings, publishes, deletes, and tries archives again', async () => {
      const spool = join(folder, 'recordings', 'spool');
      mkdirSync(spool, { recursive: true });
      for (const recordId of ['rec-1', 'rec-2']) {
        const archive = buildArchive({ recordId, meetingId: 'algebra', name: recordId });
        writeFileSync(join(spool, archive.fileName), archive.content);
      }
      writeFileSync(join(spool, 'bad.tar'), 'no archive');
      await gateway.importer.round();
      const { page, complaints } = await signIn({}, { hash: '#recordings' });
      const row = page.locator('[data-recording="rec-1"]');
      await sees(row.locator('.pill'), /^published$/);
      await page.getByRole('button', { name: 'Unpublish rec-1' }).click();
      await sees(row.locator('.pill'), /^unpublished$/);
      await page.getByLabel('Find a recording').fill('rec-2');
      await row.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Delete rec-2' }).click();
      await page.getByRole('button', { name: 'Delete it' }).click();
      await sees(page.locator('[data-recording="rec-2"] .pill'), 'deleted');
      await page.getByRole('button', { name: 'Retry bad.tar' }).click();
      await sees(page.locator('.note'), '1 archive waiting');
      expect(complaints).toEqual([]);
    });

    test('keeps tenants, and hands out tokens that may do less', async () => {
      const { page } = await signIn({}, { hash: '#tenants' });
      await page.getByRole('button', { name: 'Add a tenant' }).click();
      await page.getByLabel('Name').fill('north');
      await page.getByLabel('Secret').fill('a:b');
      await page.getByLabel('Meetings at most').fill('7');
      await page.getByRole('button', { name: 'Add it' }).click();
      await sees(page.locator('[data-tenant="north"]'), /2 secrets.*7.*no limit/s);
      await page.getByRole('button', { name: 'Remove north' }).click();
      await page.getByRole('button', { name: 'Remove it' }).click();
      await sees(page.locator('.empty'), 'No tenants');
      await page.getByRole('link', { name: 'Access' }).click();
      await page.getByRole('button', { name: 'Make a token' }).click();
      await page.getByLabel('Whose is it?').fill('wall');
      await page.getByRole('button', { name: 'Make it' }).click();
      const made = await page.locator('.token').textContent();
      await page.getByRole('button', { name: 'I have copied it' }).click();
      await sees(page.locator('[data-token]'), 'wall');

      const { page: wall } = await signIn({}, { as: made! });
      await sees(server(wall, 'bbb1'), 'takes meetings');
      expect(await wall.getByRole('link', { name: 'Access' }).count()).toBe(0);
      expect(await wall.getByRole('button', { name: 'Add a server' }).count()).toBe(0);
      expect(await server(wall, 'bbb1').getByRole('button').count()).toBe(0);
      await page.getByRole('button', { name: 'Revoke wall' }).click();
      await page.getByRole('button', { name: 'Revoke it' }).click();
      await wall.getByLabel('Token').waitFor();
    });

    test('says when nothing answers', async () => {
      const { page } = await signIn();
      await gateway.close();
      await sees(page.locator('.link'), 'nothing answers at this address');
      await expect.poll(() => page.title(), { timeout: SEEN_MS }).toBe('no answer · Balancer');
    });
  },
);
