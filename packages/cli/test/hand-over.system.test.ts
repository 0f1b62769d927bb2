import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import { ask200TimesASecond, exchange } from './load.ts';
import {
  type ProcessSettings,
  type Running,
  startProcessWith,
  temporaryFile,
  until,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** Ends whichever process serves now, which need not be our child. */
async function endServing(config: string): Promise<void> {
  try {
    process.kill(await pidOfAdmin(config), 'SIGKILL');
  } catch {
    // Nobody serves any more.
  }
}

interface Setting {
  /** Path of a unix socket that is served too. */
  readonly path: string;
  readonly running: Running;
  readonly port: number;
  readonly file: string;
  readonly config: string;
}

/** A configuration in front of a server that sends back what it gets. */
async function configFor(
  port: number,
): Promise<{ readonly config: string; readonly path: string }> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => server.close());
  const path = join(tmpdir(), `balancer-${randomUUID()}.sock`);
  cleanups.push(() => rm(path, { force: true }));
  const config = `[global]
shutdown_timeout = "5m"
[frontends.local]
listen_addr = "unix:${path}"
backend = "out"
[frontends.web]
listen_addr = "127.0.0.1:${port}"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:${(server.address() as AddressInfo).port}"
[stats]
listen_addr = "127.0.0.1:${await freePort()}"
`;
  return { config, path };
}

async function start(settings: ProcessSettings = {}): Promise<Setting> {
  const { config, path } = await configFor(await freePort());
  const { file, remove } = await temporaryFile('config.toml', config);
  cleanups.push(remove);
  const running = startProcessWith(settings, 'run', file);
  cleanups.push(async () => {
    await running.end('SIGKILL');
    await endServing(config);
  });
  const [, port] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
  return { running, port: Number(port), file, config, path };
}

async function pidOfAdmin(config: string): Promise<number> {
  const [, address] = /\[stats\]\nlisten_addr = "([^"]+)"/.exec(config)!;
  const statistics = (await (await fetch(`http://${address}/stats.json`)).json()) as {
    process: { pid: number };
  };
  return statistics.process.pid;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

describe('SIGUSR2', () => {
  test('hands over to a new process under load without a failed connection', async () => {
    const { running, port, config, path } = await start();
    const held = connect(port, '127.0.0.1');
    await once(held, 'connect');
    const traffic = ask200TimesASecond(port);
    running.child.kill('SIGUSR2');
    await running.says(/a new process has taken over/);
    // A service manager waits for its own children only, and orphans become that.
    const pid = await pidOfAdmin(config);
    expect(parentOf(pid)).not.toBe(running.child.pid);
    held.write('still served by the old one');
    expect(String((await once(held, 'data'))[0])).toBe('still served by the old one');
    held.end();
    expect(await running.end()).toBe(0);
    expect(pid).not.toBe(running.child.pid);
    expect(await exchange(port)).toBe('ping');
    expect(await exchange(path)).toBe('ping');
    const answers = await traffic.stop(50);
    expect(answers.filter((answer) => answer !== 'ping')).toEqual([]);
  });

  test('changes nothing when the new process cannot start', async () => {
    const { running, port, file, config } = await start();
    const traffic = ask200TimesASecond(port);
    await writeFile(file, config.replace('[frontends.web]', '[frontends.web'));
    running.child.kill('SIGUSR2');
    await running.says(/it ended with 2.*hand-over failed/);
    expect(await exchange(port)).toBe('ping');
    expect(await pidOfAdmin(config)).toBe(running.child.pid);
    const answers = await traffic.stop();
    expect(answers.filter((answer) => answer !== 'ping')).toEqual([]);
    expect(await running.end('SIGTERM')).toBe(0);
  });
});

/** Has a process that is to take over never say that it is ready, however long it is waited for. */
const NEVER_READY = [
  '--import',
  `data:text/javascript,${encodeURIComponent(`const { send } = process;
    if (send) process.send = (word, ...rest) => word.kind === 'ready' || send.call(process, word, ...rest);
  `)}`,
];

describe('SIGTERM', () => {
  test('during a hand-over ends both processes', async () => {
    const { running, port } = await start({ nodeOptions: NEVER_READY });
    running.child.kill('SIGUSR2');
    await running.says(/starting a new process/);
    expect(await running.end('SIGTERM')).toBe(0);
    expect(running.output().stderr).toMatch(
      /hand-over failed.*told to stop|told to stop.*hand-over failed/,
    );
    await until('nobody serves', async () => (await exchange(port)) === 'ECONNREFUSED');
  });
});

describe('LISTEN_FDS', () => {
  test('brings a socket that is used, and its clients wait for the start', async () => {
    const manager = createServer();
    manager.listen(0, '127.0.0.1');
    await once(manager, 'listening');
    const { port } = manager.address() as AddressInfo;
    const { config } = await configFor(port);
    const { file, remove } = await temporaryFile('config.toml', config);
    cleanups.push(remove);
    // A service manager passes descriptors; what Node calls them is not documented.
    const descriptor = Number(Reflect.get(Reflect.get(manager, '_handle') as object, 'fd'));
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const child = spawn(
      process.execPath,
      ['--conditions=balancer-source', '--import', 'tsx', main, 'run', file],
      {
        stdio: ['ignore', 'ignore', 'pipe', descriptor],
        env: { ...process.env, LISTEN_FDS: '1' },
      },
    );
    cleanups.push(async () => child.kill('SIGKILL'));
    let log = '';
    child.stderr!.on('data', (bytes) => (log += String(bytes)));
    manager.close();
    expect(await exchange(port)).toBe('ping');
    // oxlint-disable-next-line no-await-in-loop -- output comes in pieces
    while (!log.includes('"msg":"ready"')) await once(child.stderr!, 'data');
    expect(log).toContain(`"web":["127.0.0.1:${port}"]`);
  });
});
