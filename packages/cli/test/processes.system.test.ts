import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startProcess, temporaryFile } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

function start(...args: readonly string[]): Running {
  const running = startProcess(...args);
  cleanups.push(() => running.end('SIGKILL'));
  return running;
}

/** Asks over a connection of its own, so that the balancer chooses anew. */
async function text(
  url: string,
  { method = 'GET', accept = '*/*' }: { method?: string; accept?: string } = {},
): Promise<string> {
  const response = await fetch(url, { method, headers: { connection: 'close', accept } });
  return response.text();
}

async function ask(url: string, count: number): Promise<string> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++) {
    // oxlint-disable-next-line no-await-in-loop -- the order is what is asked for
    answers.push(/server (\w+)/.exec(await text(url))![1]!);
  }
  return answers.join(' ');
}

describe('balancer demo', () => {
  test('balances, loses a stopped server, follows its file, and leaves nothing behind', async () => {
    const demo = start('demo', '--port', '0', '--stats-port', '0');
    const [, url] = await demo.says(/Pages +(\S+)/);
    const [, statsUrl] = await demo.says(/Statistics +(\S+)/);
    const [, file] = await demo.says(/Config file +(\S+)/);
    expect(await ask(url!, 8)).toBe('one two three one one two three one');

    expect(await text(`${url}stop/two`, { method: 'POST' })).toBe('server two: stopped\n');
    await demo.says(/server is down.*name=two/);
    expect(await ask(url!, 6)).not.toContain('two');
    expect(await text(`${url}start/two`, { method: 'POST' })).toBe('server two: started\n');
    await demo.says(/server is up.*name=two from=down/);
    expect(await ask(url!, 8)).toContain('two');

    const good = await readFile(file!, 'utf8');
    await writeFile(file!, good.replace('weight = 2', 'weight = -1'));
    await demo.says(/reload refused.*must be an integer from 0 to 65535; got -1/);
    const page = await text(`${statsUrl}stats`, { accept: 'text/html' });
    expect(page).toContain('The last reload was refused');
    await writeFile(file!, good.replace('weight = 2', 'weight = 0'));
    await demo.says(/configuration reloaded/);
    expect(await ask(url!, 6)).not.toContain('one');

    expect(await demo.end('SIGINT')).toBe(130);
    expect(existsSync(dirname(file!))).toBe(false);
    await expect(fetch(url!)).rejects.toThrow('fetch failed');
  });
});

describe('balancer run', () => {
  async function startRun(keys = ''): Promise<{ running: Running; port: number; file: string }> {
    const { file, remove } = await temporaryFile('config.toml', configOf(keys));
    cleanups.push(remove);
    const running = start('run', file);
    const [, port] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
    return { running, port: Number(port), file };
  }

  function configOf(keys: string): string {
    return `[global]
shutdown_timeout = "300ms"
[frontends.web]
listen_addr = "127.0.0.1:0"
backend = "out"
${keys}
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:9"
`;
  }

  test('SIGTERM stops it with 0 when nothing is open', async () => {
    const { running } = await startRun();
    expect(await running.end('SIGTERM')).toBe(0);
  });

  test('SIGTERM lets connections end, and a second one cuts them', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => socket.write(bytes));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(async () => server.close());
    const { port: serverPort } = server.address() as AddressInfo;
    const toml = configOf('').replace('127.0.0.1:9', `127.0.0.1:${serverPort}`);
    for (const isCut of [false, true]) {
      // oxlint-disable no-await-in-loop -- two runs, one after the other
      const { file, remove } = await temporaryFile('config.toml', toml.replace('300ms', '10m'));
      cleanups.push(remove);
      const running = start('run', file);
      const [, port] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
      const [idle, busy] = [connect(Number(port)), connect(Number(port))];
      for (const socket of [idle, busy]) {
        socket.on('error', () => {});
        socket.write('.');
        await once(socket, 'data');
      }
      running.child.kill('SIGTERM');
      await running.says(/"reason":"SIGTERM".*"msg":"stopping"/);
      busy.write('still served');
      expect(String((await once(busy, 'data'))[0])).toBe('still served');
      if (isCut) {
        expect(await running.end('SIGTERM')).toBe(3);
      } else {
        for (const socket of [idle, busy]) socket.resetAndDestroy();
        expect(await running.end()).toBe(0);
      }
      // oxlint-enable no-await-in-loop
    }
  });

  test('SIGHUP reads the file again, and SIGUSR1 does not open the debugger', async () => {
    const { running, file } = await startRun();
    await writeFile(file, configOf('idle_timeout = "1m"'));
    running.child.kill('SIGHUP');
    await running.says(/configuration reloaded/);
    running.child.kill('SIGUSR1');
    running.child.kill('SIGHUP');
    expect(await running.end('SIGTERM')).toBe(0);
    expect(running.output().stderr).not.toContain('Debugger');
  });

  test('an address in use ends it with 1 and is named', async () => {
    const { port } = await startRun();
    const toml = configOf('').replace('127.0.0.1:0', `127.0.0.1:${port}`);
    const { file, remove } = await temporaryFile('second.toml', toml);
    cleanups.push(remove);
    const second = start('run', file);
    expect(await second.end()).toBe(1);
    expect(second.output().stderr).toContain(
      `cannot listen on 127.0.0.1:${port}: address already in use`,
    );
  });
});
