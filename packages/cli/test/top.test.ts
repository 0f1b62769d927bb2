import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { StatisticsHistory } from '@balancer/console';
import type { ServerState, Statistics } from '@balancer/lb';
import { afterEach, describe, expect, test } from 'vitest';
import type { Io } from '../src/io.ts';
import { main } from '../src/program.ts';
import { renderTop, type TopScreen } from '../src/top-screen.ts';
import { until } from './support.ts';

interface ServerFacts {
  readonly name: string;
  readonly state?: ServerState;
  readonly open?: number;
  readonly total?: number;
  readonly reason?: string;
}

function documentOf(
  servers: readonly ServerFacts[],
  configError: string | null = null,
): Statistics {
  const traffic = { total_connections: 0, current_connections: 0, bytes_tx: 0, bytes_rx: 0 };
  const refused = {
    acl: 2,
    rate: 0,
    max_connections: 0,
    no_backend: 0,
    queue_full: 0,
    queue_timeout: 0,
    preread: 0,
  };
  return {
    total_connections: 0,
    current_connections: 0,
    total_bytes_tx: 0,
    total_bytes_rx: 0,
    frontends: {
      web: { ...traffic, refused, listen: ['[::]:8080'], backend: 'out', protocol: 'tcp' },
    },
    backends: {
      out: {
        ...traffic,
        servers: {},
        queue: 0,
        retries: 0,
        balance: 'roundrobin',
        server_stats: Object.fromEntries(
          servers.map(({ name, state = 'up', open = 0, total = 0, reason = '' }, index) => [
            `10.0.0.${index}:80`,
            {
              name,
              state,
              weight: 1,
              effective_weight: 1,
              current: open,
              total,
              connect_errors: 0,
              connect_ms_avg: 0,
              bytes_tx: 0,
              bytes_rx: 0,
              last_check: { ok: reason === '', ms: 1, reason, at: '2026-01-01T00:00:00Z' },
              last_change: '2026-01-01T00:00:00Z',
              ejected_until: null,
            },
          ]),
        ),
      },
    },
    process: {
      pid: 1,
      uptime_s: 10,
      workers: 1,
      worker_processes: [],
      version: '1.2.3',
      phase: 'running',
      config_loaded_at: '2026-01-01T00:00:00Z',
      config_error: configError,
      fds: 1,
      max_fds: 10,
      rss: 1,
    },
  };
}

const THREE: readonly ServerFacts[] = [
  { name: 's10', open: 5, total: 20 },
  { name: 's2', open: 9, total: 80 },
  { name: 's3', state: 'down', reason: 'connection refused' },
];

function screenOf(statistics: Statistics, changes: Partial<TopScreen> = {}): TopScreen {
  const history = new StatisticsHistory();
  history.record(statistics, 0);
  return {
    statistics,
    history,
    view: { sort: 'name', isReversed: false, firstServer: 0 },
    notice: null,
    columns: 80,
    rows: 24,
    hasKeyboard: true,
    style: (_style, text) => text,
    ...changes,
  };
}

const serverNames = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /^out\/(\S+)/.exec(line)?.[1] ?? []);

describe('the screen of top', () => {
  test('fits 80 columns and 24 lines with fifty servers and long names', () => {
    const many = Array.from({ length: 50 }, (_, i) => ({
      name: `a-rather-long-name-of-a-server-${i}`,
      reason: 'a rather long reason of a check that failed',
    }));
    const lines = renderTop(screenOf(documentOf(many, 'a.toml:1:1: '.repeat(20))));
    expect(lines).toHaveLength(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.at(-1)).toMatch(/^q quit/);
  });

  test('shows everything without a height', () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ name: `s${i}` }));
    const screen = screenOf(documentOf(many), { rows: Infinity, hasKeyboard: false });
    expect(serverNames(renderTop(screen))).toHaveLength(50);
  });

  test('shows the reason of a failed check, refusals and the refused reload', () => {
    const text = renderTop(screenOf(documentOf(THREE, 'a.toml:3:1: nonsense'))).join('\n');
    expect(text).toMatch(/out\/s3 +down .* connection refused/);
    expect(text).toMatch(/web +2 /);
    expect(text).toContain('last reload refused: a.toml:3:1: nonsense');
    expect(text).toContain('2 of 3 servers up');
  });

  test('passes no control character on to the terminal', () => {
    const servers = [{ name: 'a', state: 'down', reason: 'got \u001B[2J' }] as const;
    const text = renderTop(screenOf(documentOf(servers))).join('\n');
    expect(text).toContain('got  [2J');
    expect(text).not.toContain('\u001B');
  });

  test.each([
    ['name', false, 's2 s3 s10'],
    ['name', true, 's10 s3 s2'],
    ['state', false, 's3 s2 s10'],
    ['open', false, 's2 s10 s3'],
  ] as const)('sorts by %s (reversed: %s)', (sort, isReversed, order) => {
    const view = { sort, isReversed, firstServer: 0 };
    expect(serverNames(renderTop(screenOf(documentOf(THREE), { view }))).join(' ')).toBe(order);
  });

  test('sorts by rate', () => {
    const history = new StatisticsHistory();
    history.record(documentOf(THREE.map((server) => ({ ...server, total: 0 }))), 0);
    history.record(documentOf(THREE), 2000);
    const view = { sort: 'rate', isReversed: false, firstServer: 0 } as const;
    const lines = renderTop(screenOf(documentOf(THREE), { history, view }));
    expect(serverNames(lines)).toEqual(['s2', 's10', 's3']);
    expect(lines.join('\n')).toMatch(/out\/s2 +up +9 +40 /);
  });

  test('starts where it was scrolled to', () => {
    const view = { sort: 'name', isReversed: false, firstServer: 2 } as const;
    expect(serverNames(renderTop(screenOf(documentOf(THREE), { view })))).toEqual(['s10']);
  });
});

describe('top on a terminal', () => {
  let daemon: Server | undefined;

  afterEach(() => {
    daemon?.closeAllConnections();
    daemon?.close();
  });

  async function startDaemon(): Promise<string> {
    daemon = createServer(
      (_request, response) => void response.end(JSON.stringify(documentOf(THREE))),
    );
    await new Promise<void>((resolve) => void daemon!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(daemon.address() as AddressInfo).port}`;
  }

  interface Terminal {
    readonly io: Io;
    readonly written: () => string;
    readonly type: (keys: string) => void;
    readonly isRaw: () => boolean;
  }

  function terminal(environment: Record<string, string> = {}): Terminal {
    let written = '';
    let isRaw = false;
    const keys = new PassThrough();
    const stdin = Object.assign(keys, {
      isTTY: true,
      setRawMode: (raw: boolean) => {
        isRaw = raw;
      },
    }) as unknown as NodeJS.ReadStream;
    const write = (text: string): void => void (written += text);
    const stdout = { isTTY: true, columns: 80, rows: 24, write };
    return {
      io: { stdout, stderr: { write }, stdin, environment, signals: new EventEmitter() },
      written: () => written,
      type: (text) => void keys.write(text),
      isRaw: () => isRaw,
    };
  }

  test('follows keys, and gives the terminal back on q', async () => {
    const { io, written, type, isRaw } = terminal();
    const ended = main(['top', '--url', await startDaemon()], io);
    await until('n name ↓', () => written().includes('n name ↓'));
    expect(isRaw()).toBe(true);
    expect(written()).toContain('\u001B[?1049h\u001B[?25l');
    type('o');
    await until('o open ↓', () => written().includes('o open ↓'));
    type('o');
    await until('o open ↑', () => written().includes('o open ↑'));
    type('q');
    expect(await ended).toBe(0);
    expect(isRaw()).toBe(false);
    expect(written()).toContain('\u001B[?25h\u001B[?1049l');
  });

  test('ends with 130 on Ctrl-C', async () => {
    const { io, written, type } = terminal();
    const ended = main(['top', '--url', await startDaemon()], io);
    await until('q quit', () => written().includes('q quit'));
    type('\u0003');
    expect(await ended).toBe(130);
  });

  test('goes on with the last figures, and says so, while nothing answers', async () => {
    const { io, written, type } = terminal();
    const ended = main(['top', '--interval', '0.1', '--url', await startDaemon()], io);
    await until('q quit', () => written().includes('q quit'));
    daemon!.closeAllConnections();
    daemon!.close();
    await until('nothing listens there', () => written().includes('nothing listens there'));
    type('q');
    expect(await ended).toBe(0);
  });

  test('shows no colours with NO_COLOR', async () => {
    const { io, written } = terminal({ NO_COLOR: '1' });
    expect(await main(['top', '--count', '1', '--url', await startDaemon()], io)).toBe(0);
    // Colours are the sequences that end with "m".
    const colours = written()
      .split('\u001B[')
      .filter((sequence) => /^\d+m/.test(sequence));
    expect(colours).toEqual([]);
    expect(stripVTControlCharacters(written())).toContain('out/s3');
  });
});
