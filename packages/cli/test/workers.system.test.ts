import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Statistics } from '@balancer/lb';
import { freePort } from '../src/ports.ts';
import { type Running, startProcess, temporaryFile, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

interface Setting {
  readonly running: Running;
  readonly port: number;
  readonly file: string;
  readonly config: string;
  readonly statistics: () => Promise<Statistics>;
}

interface Tables {
  readonly workers: number;
  readonly frontend?: string;
  readonly backend?: string;
  readonly servers?: number;
  /** Further tables. */
  readonly more?: string;
}

/** Greets, and sends back what it gets. */
async function startServer(): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    socket.on('error', () => {});
    socket.write('.');
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(tables: Tables): Promise<Setting> {
  const servers = await Promise.all(Array.from({ length: tables.servers ?? 1 }, startServer));
  const admin = `127.0.0.1:${await freePort()}`;
  const config = `[global]
workers = ${tables.workers}
shutdown_timeout = "5s"
[frontends.web]
listen_addr = "127.0.0.1:${await freePort()}"
backend = "out"
${tables.frontend ?? ''}
[backends.out]
health_check_interval = 0
${tables.backend ?? ''}
${servers.map((addr, i) => `[backends.out.servers.s${i}]\naddr = "${addr}"`).join('\n')}
[stats]
listen_addr = "${admin}"
token = "t"
${tables.more ?? ''}
`;
  const { file, remove } = await temporaryFile('config.toml', config);
  cleanups.push(remove);
  const running = startProcess('run', file);
  const statistics = async (): Promise<Statistics> =>
    (await (await fetch(`http://${admin}/stats.json`)).json()) as Statistics;
  cleanups.push(async () => {
    // Whoever serves now need not be our child.
    const pid = await statistics().then(
      (document) => document.process.pid,
      () => undefined,
    );
    if (pid !== undefined && pid !== running.child.pid) process.kill(pid, 'SIGKILL');
    await running.end('SIGKILL');
  });
  const [, port] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
  return { running, port: Number(port), file, config, statistics };
}

/** A connection that has been greeted; `undefined` when it was reset instead. */
async function greeted(port: number): Promise<Socket | undefined> {
  const socket = connect(port, '127.0.0.1');
  const isGreeted = await new Promise<boolean>((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
  socket.on('error', () => {});
  cleanups.push(async () => socket.destroy());
  return isGreeted ? socket : undefined;
}

/** One exchange on a connection of its own. @returns The answer, or how it failed. */
function exchange(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end('ping'));
    let answer = '';
    socket.on('data', (bytes) => (answer += String(bytes)));
    socket.on('end', () => resolve(answer));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

/** Asks over so many connections at a time until told to stop. */
function load(port: number, concurrency = 4): { readonly stop: () => Promise<readonly string[]> } {
  const answers: string[] = [];
  let isRunning = true;
  const work = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- one exchange after the other
    while (isRunning) answers.push(await exchange(port));
  };
  const workers = Array.from({ length: concurrency }, work);
  return {
    stop: async () => {
      isRunning = false;
      await Promise.all(workers);
      return answers;
    },
  };
}

/** Holds connections until every worker has some. */
async function holdOnEveryWorker({ port, statistics }: Setting): Promise<Socket[]> {
  const held: Socket[] = [];
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- in batches, until nobody is left out
    held.push(...(await Promise.all(Array.from({ length: 16 }, () => greeted(port)))).map((s) => s!));
    // oxlint-disable-next-line no-await-in-loop -- as above
    const { worker_processes: workers } = (await statistics()).process;
    if (workers.every(({ current_connections }) => current_connections > 0)) return held;
  }
}

describe('workers', () => {
  test('one that is killed loses its own connections alone, is replaced, and sums go on', async () => {
    const setting = await start({ workers: 4 });
    const { port, running, statistics } = setting;
    const held = await holdOnEveryWorker(setting);
    const before = await statistics();
    expect(before.process.workers).toBe(4);
    expect(before.current_connections).toBe(held.length);
    expect(before.total_connections).toBe(held.length);

    const [victim] = before.process.worker_processes;
    let lost = 0;
    for (const socket of held) socket.once('close', () => lost++);
    process.kill(victim!.pid, 'SIGKILL');
    await running.says(/a worker ended; its connections are lost/);
    expect(await exchange(port)).toBe('.ping');
    await until('its connections are lost', () => lost >= victim!.current_connections);
    await until('a new worker takes its place', async () => {
      const { worker_processes: workers } = (await statistics()).process;
      return workers.length === 4 && workers.every(({ pid }) => pid !== victim!.pid);
    });
    expect(lost).toBe(victim!.current_connections);
    const after = await statistics();
    expect(after.current_connections).toBe(held.length - lost);
    expect(after.total_connections).toBe(held.length + 1);
    const metrics = await (await fetch(`http://${adminOf(setting)}/metrics`)).text();
    expect(metrics).toContain('balancer_worker_restarts_total 1');
    // The living ones and the new one serve.
    for (const socket of held) socket.destroy();
    await holdOnEveryWorker(setting);
  });

  test('follow a reload all together, or not at all', async () => {
    const setting = await start({ workers: 2, servers: 2 });
    const { port, file, config, running, statistics } = setting;
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    cleanups.push(async () => taken.close());
    const takenAddress = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const traffic = load(port);
    const more = `[frontends.more]\nlisten_addr = "${takenAddress}"\nbackend = "out"\n`;
    await writeFile(file, config.replace('[backends.out]', `${more}[backends.out]`));
    await running.says(/address already in use.*reload refused/);
    expect(Object.keys((await statistics()).frontends)).toEqual(['web']);

    const [, first] = /addr = "([^"]+)"\n\[backends\.out\.servers\.s1\]/.exec(config)!;
    await writeFile(file, config.replace(`addr = "${first}"\n`, `addr = "${first}"\nweight = 0\n`));
    await running.says(/configuration reloaded/);
    const answers = await traffic.stop();
    expect(answers.filter((answer) => answer !== '.ping')).toEqual([]);
    const before = (await statistics()).backends['out']!.server_stats[first!]!.total;
    await Promise.all(Array.from({ length: 40 }, () => exchange(port)));
    expect((await statistics()).backends['out']!.server_stats[first!]!.total).toBe(before);
  });

  test('come and go with a reload, under load, without a failed connection', async () => {
    const { port, file, config, running, statistics } = await start({ workers: 2 });
    const traffic = load(port);
    for (const count of [3, 2]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await writeFile(file, config.replace('workers = 2', `workers = ${count}`));
      // oxlint-disable-next-line no-await-in-loop -- as above
      await until(`${count} workers serve`, async () => {
        return (await statistics()).process.workers === count;
      });
    }
    const answers = await traffic.stop();
    expect(answers.filter((answer) => answer !== '.ping')).toEqual([]);
    await writeFile(file, config.replace('workers = 2', 'workers = 1'));
    await running.says(/global\.workers: cannot change from 2 to 1 while running; send SIGUSR2/);
    expect(await exchange(port)).toBe('.ping');
    expect(await running.end('SIGTERM')).toBe(0);
  });

  test('hand over to a new process under load without a failed connection', async () => {
    const { running, port, file, config, statistics } = await start({ workers: 2 });
    const held = (await greeted(port))!;
    const traffic = load(port);
    // What a reload cannot change, a new process can.
    await writeFile(file, config.replace('workers = 2', 'workers = 1'));
    await running.says(/cannot change from 2 to 1/);
    running.child.kill('SIGUSR2');
    await running.says(/a new process has taken over/);
    held.write('still served');
    expect(String((await once(held, 'data'))[0])).toBe('still served');
    held.end();
    expect(await running.end()).toBe(0);
    const { process: next } = await statistics();
    expect(next.pid).not.toBe(running.child.pid);
    expect(next.worker_processes).toEqual([]);
    const answers = await traffic.stop();
    expect(answers.length).toBeGreaterThan(10);
    expect(answers.filter((answer) => answer !== '.ping')).toEqual([]);
  });

  test('never let more clients in than a limit says', async () => {
    const { port, statistics } = await start({ workers: 2, frontend: 'max_connections = 6' });
    const clients = await Promise.all(Array.from({ length: 40 }, () => greeted(port)));
    const served = clients.filter((client) => client !== undefined);
    expect(served.length).toBeLessThanOrEqual(6);
    expect(served.length).toBeGreaterThanOrEqual(3);
    const { web } = (await statistics()).frontends;
    expect(web!.refused.max_connections).toBe(40 - served.length);
  });

  // 4 workers, 2 servers: no worker is off by more than one, so all of them by four at most.
  test('keep servers of a leastconn backend within 4 connections of each other', async () => {
    const setting = await start({ workers: 4, servers: 2, backend: 'balance = "leastconn"' });
    const count = process.env['BALANCER_TEST_LONG'] ? 1000 : 200;
    for (let held = 0; held < count; held += 20) {
      // oxlint-disable-next-line no-await-in-loop -- in batches that fit the queue
      await Promise.all(Array.from({ length: 20 }, () => greeted(setting.port)));
    }
    const { server_stats } = (await setting.statistics()).backends['out']!;
    const [a, b] = Object.values(server_stats).map(({ current }) => current) as [number, number];
    expect(a + b).toBe(count);
    expect(Math.abs(a - b)).toBeLessThanOrEqual(4);
  });

  test('keep the datagrams of a client in one session', async () => {
    const echo = createSocket('udp4');
    echo.on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
    echo.bind(0, '127.0.0.1');
    await once(echo, 'listening');
    cleanups.push(async () => echo.close());
    const udpPort = await freePort();
    const { statistics } = await start({
      workers: 3,
      more: `[frontends.udp]\nlisten_addr = "127.0.0.1:${udpPort}"\nprotocol = "udp"\nbackend = "echo"
[backends.echo]\nhealth_check_interval = 0\n[backends.echo.servers.one]\naddr = "127.0.0.1:${echo.address().port}"`,
    });
    const client = createSocket('udp4');
    cleanups.push(async () => client.close());
    for (let i = 0; i < 30; i++) {
      client.send(`datagram ${i}`, udpPort, '127.0.0.1');
      // oxlint-disable-next-line no-await-in-loop -- question and answer
      expect(String((await once(client, 'message'))[0])).toBe(`datagram ${i}`);
    }
    const { udp } = (await statistics()).frontends;
    expect(udp).toMatchObject({ total_connections: 1, current_connections: 1 });
  });

  test('that die as soon as they start end the process with 1', async () => {
    const { running, statistics } = await start({ workers: 2 });
    const killed = new Set<number>();
    const exited = once(running.child, 'exit');
    let hasEnded = false;
    void exited.then(() => (hasEnded = true));
    while (!hasEnded) {
      // oxlint-disable-next-line no-await-in-loop -- until it gives up
      const document = await statistics().catch(() => undefined);
      for (const { pid } of document?.process.worker_processes ?? []) {
        if (killed.has(pid)) continue;
        killed.add(pid);
        process.kill(pid, 'SIGKILL');
      }
    }
    expect(await running.end()).toBe(1);
    expect(running.output().stderr).toContain('workers end as soon as they are started');
  });
});

describe('a file with several workers', () => {
  test('is refused when a limit cannot be divided or clients are sticky', async () => {
    const { file, remove } = await temporaryFile(
      'config.toml',
      `[frontends.web]
listen_addr = "127.0.0.1:0"
backend = "out"
max_connections_per_ip = 3
[backends.out.servers.one]
addr = "127.0.0.1:9"
`,
    );
    cleanups.push(remove);
    const running = startProcess('run', file, '--workers', '4');
    expect(await running.end()).toBe(2);
    expect(running.output().stderr).toContain(
      '--workers 4: frontends.web.max_connections_per_ip is divided among 4 workers: must be 0 or at least 4; got 3',
    );
  });
});

function adminOf({ config }: Setting): string {
  return /\[stats\]\nlisten_addr = "([^"]+)"/.exec(config)![1]!;
}
