import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import { ask200TimesASecond, askAgainAndAgain, exchange } from './load.ts';
import type { Statistics } from '@balancer/lb';
import { type Serving, startServing, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

interface Setting extends Omit<Serving, 'end'> {
  readonly port: number;
  readonly config: string;
  readonly servers: readonly CountingServer[];
}

/** Counts at the server, where nobody's report has to be waited for. */
interface CountingServer {
  readonly address: string;
  readonly accepted: () => number;
  readonly open: () => number;
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
async function startServer(): Promise<CountingServer> {
  let accepted = 0;
  let open = 0;
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    accepted++;
    open++;
    socket.on('close', () => open--);
    socket.on('error', () => {});
    socket.write('.');
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, accepted: () => accepted, open: () => open };
}

async function start(tables: Tables): Promise<Setting> {
  const servers = await Promise.all(Array.from({ length: tables.servers ?? 1 }, startServer));
  const admin = `127.0.0.1:${await freePort()}`;
  const config = `[global]
workers = ${tables.workers}
shutdown_timeout = "5m"
drain_timeout = "5m"
[frontends.web]
listen_addr = "127.0.0.1:${await freePort()}"
backend = "out"
${tables.frontend ?? ''}
[backends.out]
health_check_interval = 0
${tables.backend ?? ''}
${servers.map(({ address }, i) => `[backends.out.servers.s${i}]\naddr = "${address}"`).join('\n')}
[stats]
listen_addr = "${admin}"
token = "t"
${tables.more ?? ''}
`;
  const { end, ...serving } = await startServing(config, admin);
  cleanups.push(end);
  const [, port] = await serving.running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
  return { ...serving, port: Number(port), config, servers };
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

/** Holds connections until every worker has some. */
async function holdOnEveryWorker({ port, statistics }: Setting): Promise<Socket[]> {
  const held: Socket[] = [];
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- in batches, until nobody is left out
    held.push(
      ...(await Promise.all(Array.from({ length: 16 }, () => greeted(port)))).map((s) => s!),
    );
    // oxlint-disable-next-line no-await-in-loop -- as above
    const { worker_processes: workers } = (await statistics()).process;
    if (workers.every(({ current_connections }) => current_connections > 0)) return held;
  }
}

/** An echo server for datagrams. @returns Its port. */
async function startUdpEcho(): Promise<number> {
  const echo = createSocket('udp4');
  echo.on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  cleanups.push(async () => echo.close());
  return echo.address().port;
}

describe('workers', () => {
  test('share clients, keep to limits, lose nothing but the connections of one that is killed', async () => {
    const [limitedPort, udpPort] = [await freePort(), await freePort()];
    const setting = await start({
      workers: 4,
      servers: 2,
      backend: 'balance = "leastconn"',
      more: `[frontends.limited]
listen_addr = "127.0.0.1:${limitedPort}"
backend = "out"
max_connections = 6
[frontends.udp]
listen_addr = "127.0.0.1:${udpPort}"
protocol = "udp"
backend = "echo"
udp.idle_timeout = "1h"
[backends.echo]
health_check_interval = 0
[backends.echo.servers.one]
addr = "127.0.0.1:${await startUdpEcho()}"
`,
    });
    const held = await expectEvenServers(setting);
    await expectOneSession(setting, udpPort);
    await expectLimitKept(setting, limitedPort);
    await expectOnlyOwnLoss(setting, held + 1);
  });

  test('follow a reload all together or not at all, come and go, and hand over', async () => {
    const setting = await start({ workers: 2, servers: 2 });
    await expectRefusalByAll(setting);
    await expectEffectOnAll(setting);
    await expectComingAndGoing(setting);
    await expectHandOver(setting);
  });
});

describe('a process that serves alone', () => {
  test('takes workers in by a reload and lets them go again, without losing a connection', async () => {
    const setting = await start({ workers: 1, servers: 2 });
    const held = (await greeted(setting.port))!;
    let traffic = ask200TimesASecond(setting.port);
    await expectGrowth(setting);
    await expectSharedFrontends(setting);
    const answers = await traffic.stop();
    expect(failed(answers)).toEqual([]);
    await expectReplacement(setting);
    traffic = ask200TimesASecond(setting.port);
    await expectShrinking(setting);
    expect(failed(await traffic.stop())).toEqual([]);
    await expectSpoken(held);
    await until('the workers have told of all', async () => {
      return (await setting.statistics()).total_connections > answers.length;
    });
    expect(await setting.running.end('SIGQUIT')).toBe(0);
  });
});

async function expectSpoken(socket: Socket): Promise<void> {
  const answer = once(socket, 'data');
  socket.write('still served');
  expect(String((await answer)[0])).toBe('still served');
}

/** The main process is one of three, and all of them get clients. */
async function expectGrowth(setting: Setting): Promise<void> {
  const { file, config, running, statistics } = setting;
  await writeFile(file, config.replace('workers = 1', 'workers = 3'));
  await until('three serve', async () => (await statistics()).process.workers === 3);
  const { pid, worker_processes: workers } = (await statistics()).process;
  expect(pid).toBe(running.child.pid);
  expect(workers.map((worker) => worker.pid)).toContain(pid);
  for (const socket of await holdOnEveryWorker(setting)) socket.destroy();
}

/** A limit is divided among all, and UDP is the main process's. */
async function expectSharedFrontends(setting: Setting): Promise<void> {
  const { file, config, statistics } = setting;
  const [limitedPort, udpPort] = [await freePort(), await freePort()];
  const more = `[frontends.limited]
listen_addr = "127.0.0.1:${limitedPort}"
backend = "out"
max_connections = 6
[frontends.udp]
listen_addr = "127.0.0.1:${udpPort}"
protocol = "udp"
backend = "echo"
[backends.echo]
health_check_interval = 0
[backends.echo.servers.one]
addr = "127.0.0.1:${await startUdpEcho()}"
`;
  await writeFile(file, config.replace('workers = 1', 'workers = 3') + more);
  await until('they are there', async () => 'udp' in (await statistics()).frontends);
  await expectOneSession(setting, udpPort);
  await expectLimitKept(setting, limitedPort);
}

/** A worker that dies is replaced by one that is sent the sockets too. */
async function expectReplacement(setting: Setting): Promise<void> {
  const { running, statistics } = setting;
  const { pid, worker_processes: workers } = (await statistics()).process;
  const victim = workers.find((worker) => worker.pid !== pid)!;
  process.kill(victim.pid, 'SIGKILL');
  await running.says(/a worker ended; its connections are lost/);
  await until('another serves', async () => {
    const now = (await statistics()).process.worker_processes;
    return now.length === 3 && now.every((worker) => worker.pid !== victim.pid);
  });
  for (const socket of await holdOnEveryWorker(setting)) socket.destroy();
}

/** Connections of workers that go end by themselves; the main process serves alone again. */
async function expectShrinking(setting: Setting): Promise<void> {
  const { file, config, running, statistics } = setting;
  const held = await holdOnEveryWorker(setting);
  await writeFile(file, config);
  await running.says(/configuration reloaded(?:[^]*configuration reloaded){2}/);
  await Promise.all(held.map(expectSpoken));
  for (const socket of held) socket.destroy();
  await until('it serves alone', async () => {
    return (await statistics()).process.worker_processes.length === 0;
  });
}

/**
 * 4 workers, 2 servers: no worker is off by more than one, so all of them by four at most.
 *
 * @returns Connections that are held.
 */
async function expectEvenServers({ port, statistics, servers }: Setting): Promise<number> {
  const count = process.env['BALANCER_TEST_LONG'] ? 1000 : 200;
  for (let held = 0; held < count; held += 20) {
    // oxlint-disable-next-line no-await-in-loop -- in batches that fit the queue
    await Promise.all(Array.from({ length: 20 }, () => greeted(port)));
  }
  const [a, b] = servers.map(({ open }) => open()) as [number, number];
  expect(a + b).toBe(count);
  expect(Math.abs(a - b)).toBeLessThanOrEqual(4);
  await until('the workers have told of all', async () => {
    const { server_stats } = (await statistics()).backends['out']!;
    return servers.every(({ address }, i) => server_stats[address]!.current === [a, b][i]);
  });
  return count;
}

async function expectOneSession({ statistics }: Setting, port: number): Promise<void> {
  const client = createSocket('udp4');
  cleanups.push(async () => client.close());
  for (let i = 0; i < 30; i++) {
    client.send(`datagram ${i}`, port, '127.0.0.1');
    // oxlint-disable-next-line no-await-in-loop -- question and answer
    expect(String((await once(client, 'message'))[0])).toBe(`datagram ${i}`);
  }
  await until('its worker has told of it', async () => {
    return (await statistics()).frontends['udp']!.total_connections > 0;
  });
  const { udp } = (await statistics()).frontends;
  expect(udp).toMatchObject({ total_connections: 1, current_connections: 1 });
}

async function expectLimitKept({ statistics }: Setting, port: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 40 }, () => greeted(port)));
  const served = clients.filter((client) => client !== undefined);
  expect(served.length).toBeGreaterThanOrEqual(1);
  expect(served.length).toBeLessThanOrEqual(6);
  const refused = async (): Promise<number> =>
    (await statistics()).frontends['limited']!.refused.max_connections;
  await until('all are counted', async () => (await refused()) >= 40 - served.length);
  expect(await refused()).toBe(40 - served.length);
  for (const client of served) client.destroy();
  await until('they have left', async () => {
    return (await statistics()).frontends['limited']!.current_connections === 0;
  });
}

/** @param heldCount - Connections and sessions that are open. */
async function expectOnlyOwnLoss(setting: Setting, heldCount: number): Promise<void> {
  const { port, running, statistics } = setting;
  const fresh = await holdOnEveryWorker(setting);
  let before = await statistics();
  await until('the workers have told of all', async () => {
    before = await statistics();
    return openAtWorkers(before) === heldCount + fresh.length;
  });
  expect(before.process.workers).toBe(4);
  const [victim] = before.process.worker_processes;
  process.kill(victim!.pid, 'SIGKILL');
  await running.says(/a worker ended; its connections are lost/);
  expect(await exchange(port)).toBe('.ping');
  await until('a new worker takes its place', async () => {
    const { worker_processes: workers } = (await statistics()).process;
    return workers.length === 4 && workers.every(({ pid }) => pid !== victim!.pid);
  });
  let after = await statistics();
  await until('the exchange is counted', async () => {
    after = await statistics();
    const isTold = after.total_connections > before.total_connections;
    return isTold && openAtWorkers(after) === after.current_connections;
  });
  expect(after.current_connections).toBe(before.current_connections - victim!.current_connections);
  expect(after.total_connections).toBe(before.total_connections + 1);
  const metrics = await (await fetch(`http://${adminOf(setting)}/metrics`)).text();
  expect(metrics).toContain('balancer_worker_restarts_total 1');
  // The living ones and the new one serve.
  for (const socket of fresh) socket.destroy();
  await holdOnEveryWorker(setting);
}

function openAtWorkers({ process: { worker_processes } }: Statistics): number {
  return worker_processes.reduce((sum, worker) => sum + worker.current_connections, 0);
}

async function expectRefusalByAll({
  port,
  file,
  config,
  running,
  statistics,
}: Setting): Promise<void> {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  cleanups.push(async () => taken.close());
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const more = `[frontends.more]\nlisten_addr = "${address}"\nbackend = "out"\n`;
  const traffic = askAgainAndAgain(port, 4);
  await writeFile(file, config.replace('[backends.out]', `${more}[backends.out]`));
  await running.says(/address already in use.*reload refused/);
  expect(Object.keys((await statistics()).frontends)).toEqual(['web']);
  expect(failed(await traffic.stop())).toEqual([]);
}

async function expectEffectOnAll({ port, file, config, running, servers }: Setting): Promise<void> {
  const [first] = servers;
  const line = `addr = "${first!.address}"\n`;
  const traffic = askAgainAndAgain(port, 4);
  await writeFile(file, config.replace(line, `${line}weight = 0\n`));
  await running.says(/configuration reloaded/);
  expect(failed(await traffic.stop())).toEqual([]);
  // By then the workers have been told; who is slow to hear it is waited for.
  await until('nobody is sent to the first one', async () => {
    const before = first!.accepted();
    await Promise.all(Array.from({ length: 40 }, () => exchange(port)));
    return first!.accepted() === before;
  });
}

async function expectComingAndGoing({ port, file, config, statistics }: Setting): Promise<void> {
  const traffic = askAgainAndAgain(port, 4);
  for (const count of [3, 2]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await writeFile(file, config.replace('workers = 2', `workers = ${count}`));
    // oxlint-disable-next-line no-await-in-loop -- as above
    await until(`${count} workers serve`, async () => {
      return (await statistics()).process.workers === count;
    });
  }
  expect(failed(await traffic.stop())).toEqual([]);
}

async function expectHandOver({ running, port, file, config, statistics }: Setting): Promise<void> {
  // A single worker beside the main process, until a new process serves alone.
  await writeFile(file, config.replace('workers = 2', 'workers = 1'));
  await until('one worker serves', async () => (await statistics()).process.workers === 1);
  const held = (await greeted(port))!;
  const traffic = askAgainAndAgain(port, 4);
  running.child.kill('SIGUSR2');
  await running.says(/a new process has taken over/);
  held.write('still served');
  expect(String((await once(held, 'data'))[0])).toBe('still served');
  held.end();
  expect(await running.end()).toBe(0);
  const { process: next } = await statistics();
  expect(next.pid).not.toBe(running.child.pid);
  expect(next.worker_processes).toEqual([]);
  expect(await exchange(port)).toBe('.ping');
  expect(failed(await traffic.stop())).toEqual([]);
}

function failed(answers: readonly string[]): readonly string[] {
  expect(answers.length).toBeGreaterThan(0);
  return answers.filter((answer) => answer !== '.ping');
}

function adminOf({ config }: Setting): string {
  return /\[stats\]\nlisten_addr = "([^"]+)"/.exec(config)![1]!;
}
