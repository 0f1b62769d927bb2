// @vitest-environment happy-dom
import { ManualClock } from '@balancer/kit';
import type { Statistics } from '@balancer/lb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TokenStore } from '../app/access.ts';
import type { Column } from '../app/chart.tsx';
import { mount } from '../app/mount.tsx';
import { documentOf } from './documents.ts';

const NOW = 'Thu, 01 Jan 2026 00:03:20 GMT';

/** A daemon that answers as the test says, and remembers what it was asked. */
class FakeDaemon {
  statistics: Statistics = documentOf();
  token: string | null = null;
  readsNeedToken = false;
  isReachable = true;
  readonly asked: string[] = [];

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const { method = 'GET', body } = init;
    // The page asks with texts alone.
    const text = [method, input as string, body as string | undefined].join(' ').trim();
    this.asked.push(text);
    if (!this.isReachable) throw new TypeError('Failed to fetch');
    if (method !== 'GET' || this.readsNeedToken) {
      const given = new Headers(init.headers).get('authorization');
      if (this.token === null) return refused(403, 'no token is configured');
      if (given === null) return refused(401, 'needs the header');
      if (given !== `Bearer ${this.token}`) return refused(403, 'wrong token');
    }
    if (text.startsWith('PUT')) return Response.json({ server: 'one', weight: 7, state: 'drain' });
    if (text.endsWith('/close')) return Response.json({ closing: 3 });
    if (text.endsWith('/config')) return new Response('[frontends.web]\n');
    if (text.endsWith('/reload')) return refused(409, 'a.toml:3:1: nonsense');
    return Response.json(this.statistics, { headers: { date: NOW } });
  };
}

function refused(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/** Waits until `check` throws no more, however busy the machine is. */
function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 60_000, interval: 10 });
}

describe('the page', () => {
  let daemon: FakeDaemon;
  let clock: ManualClock;
  let stored: string | null;
  let drawn: (readonly Column[])[];
  let visibility: { hidden: boolean; change: () => void };

  const tokens: TokenStore = { read: () => stored, write: (token) => void (stored = token) };

  beforeEach(() => {
    daemon = new FakeDaemon();
    clock = new ManualClock();
    stored = null;
    drawn = [];
    visibility = { hidden: false, change: () => {} };
    document.body.innerHTML = '<div id="app"><p>plain table</p></div>';
    document.body.className = '';
  });

  afterEach(() => {
    document.body.replaceChildren();
  });

  function open(): Promise<void> {
    return mount(document.querySelector<HTMLElement>('#app')!, {
      tokens,
      clock,
      visibility: {
        isHidden: () => visibility.hidden,
        onChange: (listener) => void (visibility.change = listener),
      },
      createChart: () => ({
        draw: (_times, columns) => void drawn.push(columns),
        destroy: () => {},
      }),
      fetch: daemon.fetch,
    });
  }

  /** Lets the next document come, two seconds later. */
  async function next(statistics: Statistics): Promise<void> {
    daemon.statistics = statistics;
    const before = daemon.asked.length;
    clock.advance(2000);
    await eventually(() => expect(daemon.asked.length).toBeGreaterThan(before));
    await settled();
  }

  /** Waits until the page waits again. */
  async function settled(): Promise<void> {
    await eventually(() => expect(clock.pendingCount).toBe(1));
  }

  const textOf = (selector: string): string =>
    document.querySelector(selector)?.textContent.replaceAll(/\s+/g, ' ').trim() ?? '';

  function press(label: string): void {
    const buttons = [...document.querySelectorAll('button')];
    const found = buttons.find((button) => button.textContent === label);
    if (!found)
      throw new Error(`no button "${label}": ${buttons.map((b) => b.textContent).join(', ')}`);
    found.click();
  }

  async function enterToken(token: string): Promise<void> {
    await eventually(() => expect(document.querySelector('dialog input')).not.toBeNull());
    document.querySelector<HTMLInputElement>('dialog input')!.value = token;
    document.querySelector('dialog form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  }

  test('takes the place of the plain table, with every figure of a server', async () => {
    daemon.statistics = documentOf({ total: 1234, open: 3, server: { weight: 5 } });
    await open();
    expect(document.body.textContent).not.toContain('plain table');
    const row = textOf('[data-server="one"]');
    expect(row).toContain('one 10.0.0.1:80');
    expect(row).toContain('up for 3 min');
    expect(row).toContain('1,234');
    expect(row).toContain('passed in 0.4 ms 3 min ago');
  });

  test('shows rates from the second document on', async () => {
    daemon.statistics = documentOf({ total: 10 });
    await open();
    expect(textOf('[aria-label="Frontend web"] .figure')).toBe('–');
    await next(documentOf({ total: 30, bytesTx: 4096, bytesRx: 2 ** 21 }));
    await eventually(() => expect(textOf('[aria-label="Frontend web"] .figure')).toBe('10/s'));
    expect(textOf('[aria-label="Backend out"] .traffic')).toContain('↑2 KiB/s↓1 MiB/s');
    expect(drawn).toContainEqual([[null, 10]]);
  });

  test('draws a break, and says since when, while nothing answers', async () => {
    daemon.statistics = documentOf({ total: 10, open: 2 });
    await open();
    daemon.isReachable = false;
    await next(daemon.statistics);
    clock.advance(10_000);
    await settled();
    await eventually(() => expect(textOf('.link')).toContain('nothing answers at this address'));
    await eventually(() => expect(document.title).toBe('no answer · Balancer'));
    daemon.isReachable = true;
    await next(documentOf({ total: 90, open: 2 }));
    await eventually(() => expect(textOf('.link')).toContain('live'));
    await eventually(() => expect(drawn).toContainEqual([[2, null, 2]]));
    expect(drawn).toContainEqual([[null, null, null]]);
  });

  test('asks nothing while it is hidden, and at once when it is seen again', async () => {
    await open();
    await settled();
    visibility.hidden = true;
    visibility.change();
    const { length } = daemon.asked;
    clock.advance(60_000);
    expect(clock.pendingCount).toBe(0);
    expect(daemon.asked).toHaveLength(length);
    visibility.hidden = false;
    visibility.change();
    expect(daemon.asked).toHaveLength(length + 1);
    await settled();
  });

  test('asks for the token once, and again when it was wrong', async () => {
    daemon.token = 's3cret';
    await open();
    press('drain');
    await enterToken('guess');
    await eventually(() => expect(textOf('dialog .failed')).toContain('wrong token'));
    await enterToken('s3cret');
    await eventually(() => expect(textOf('.notices')).toContain('one is set to drain'));
    expect(stored).toBe('s3cret');
    press('maint');
    await eventually(() =>
      expect(daemon.asked).toContain('PUT /backends/out/servers/one {"state":"maint"}'),
    );
    expect(document.querySelector('dialog')).toBeNull();
    await settled();
  });

  test('gives no order when the token is not given', async () => {
    daemon.token = 's3cret';
    await open();
    press('drain');
    await eventually(() => expect(document.querySelector('dialog')).not.toBeNull());
    press('Cancel');
    await eventually(() => expect(document.querySelector('dialog')).toBeNull());
    expect(textOf('.notices')).toBe('');
  });

  test('says why an order is refused where no token helps', async () => {
    stored = 'from another daemon';
    await open();
    press('drain');
    await eventually(() => expect(textOf('.notices')).toContain('no token is configured'));
    expect(document.querySelector('dialog')).toBeNull();
    expect(stored).toBeNull();
    await settled();
  });

  test('resets connections only after a yes', async () => {
    [daemon.token, stored] = ['t', 't'];
    daemon.statistics = documentOf({ open: 3 });
    await open();
    press('kill');
    await eventually(() => expect(textOf('dialog')).toContain('Reset 3 connections of one?'));
    press('Cancel');
    await eventually(() => expect(document.querySelector('dialog')).toBeNull());
    expect(daemon.asked.join('\n')).not.toContain('/close');
    press('kill');
    await eventually(() => press('Reset 3 connections'));
    await eventually(() => expect(textOf('.notices')).toContain('one: 3 reset'));
    expect(daemon.asked).toContain('POST /backends/out/servers/one/close');
    await settled();
  });

  test('changes the weight of a server to what the operator enters', async () => {
    [daemon.token, stored] = ['t', 't'];
    daemon.statistics = documentOf({ server: { weight: 5, effective_weight: 5 } });
    await open();
    const enter = (value: string): void => {
      document.querySelector<HTMLInputElement>('dialog input')!.value = value;
      press('Set it');
    };
    const weight = (): HTMLButtonElement => document.querySelector('.weight')!;
    expect(weight().getAttribute('aria-label')).toBe('Weight of one: 5');
    weight().click();
    await eventually(() => expect(textOf('dialog h2')).toBe('Weight of one'));
    enter('5');
    await eventually(() => expect(document.querySelector('dialog')).toBeNull());
    expect(daemon.asked.join('\n')).not.toContain('PUT');
    weight().click();
    await eventually(() => expect(document.querySelector('dialog')).not.toBeNull());
    enter('7');
    await eventually(() => expect(textOf('.notices')).toContain('one has the weight 7'));
    expect(daemon.asked).toContain('PUT /backends/out/servers/one {"weight":7}');
    await settled();
  });

  test('offers no kill where nothing is open', async () => {
    await open();
    expect(document.querySelector<HTMLButtonElement>('.kill')!.disabled).toBe(true);
  });

  test('shows the reload that was refused, as text', async () => {
    daemon.statistics = documentOf({ configError: 'a.toml:3:1: <b>nonsense</b>' });
    await open();
    expect(textOf('.reload-error pre')).toBe('a.toml:3:1: <b>nonsense</b>');
  });

  test('starts with the question where reading needs the token', async () => {
    daemon.readsNeedToken = true;
    daemon.token = 's3cret';
    const opened = open();
    await enterToken('s3cret');
    await opened;
    await eventually(() => expect(textOf('[data-server="one"]')).toContain('up'));
    await settled();
  });

  test('shows the running configuration when it is opened', async () => {
    await open();
    const details = document.querySelector('details')!;
    details.open = true;
    details.dispatchEvent(new Event('toggle'));
    await eventually(() => expect(textOf('details pre')).toBe('[frontends.web]'));
  });

  test('can show the servers that are not up alone, where there are many', async () => {
    const { server_stats: servers } = documentOf().backends['out']!;
    const one = servers['10.0.0.1:80']!;
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `10.0.0.${i}:80`,
        { ...one, name: `s${i}`, state: i === 7 ? 'down' : 'up' } as const,
      ]),
    );
    const { backends, ...rest } = documentOf();
    daemon.statistics = { ...rest, backends: { out: { ...backends['out']!, server_stats: many } } };
    await open();
    expect(document.querySelectorAll('tr.server')).toHaveLength(20);
    press('Not up 1');
    await eventually(() => expect(document.querySelectorAll('tr.server')).toHaveLength(1));
    await eventually(() => expect(document.title).toBe('1 not up · Balancer'));
  });
});
