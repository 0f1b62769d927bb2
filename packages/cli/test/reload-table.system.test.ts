import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import type { ServerStatistics, Statistics } from '@balancer/lb';
import { ask200TimesASecond, exchange } from './load.ts';
import { type Running, startProcess, temporaryFile, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** Sends back what it gets. */
async function startEcho(): Promise<{
  readonly address: string;
  readonly sockets: ReadonlySet<Socket>;
}> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

async function hold(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(async () => socket.destroy());
  await expectAlive(socket);
  return socket;
}

async function expectAlive(socket: Socket): Promise<void> {
  const answer = once(socket, 'data');
  socket.write('still here');
  expect(String((await answer)[0])).toBe('still here');
}

function certificate(name: string): string {
  const path = (end: string): string =>
    fileURLToPath(new URL(`../../proxy/test/certificates/${name}.${end}`, import.meta.url));
  return `cert = "${path('crt')}"\nkey = "${path('key')}"`;
}

async function dialTls(port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => {});
  cleanups.push(async () => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** The file, as far as the test changes it. */
interface Tables {
  web: string;
  moving: number;
  certificate: string;
  more: string;
  backend: string;
  drainTimeout: string;
  servers: Record<string, { readonly addr: string; readonly keys?: string }>;
  stats: number;
  log: string;
}

function configOf(port: number, tables: Tables, securePort: number): string {
  const servers = Object.entries(tables.servers).map(
    ([name, { addr, keys = '' }]) => `[backends.out.servers.${name}]\naddr = "${addr}"\n${keys}`,
  );
  return `[global]
drain_timeout = "${tables.drainTimeout}"
log = { output = "${tables.log}" }
[frontends.web]
listen_addr = "127.0.0.1:${port}"
backend = "out"
${tables.web}
[frontends.moving]
listen_addr = "127.0.0.1:${tables.moving}"
backend = "out"
[frontends.secure]
listen_addr = "127.0.0.1:${securePort}"
protocol = "tls"
backend = "out"
[frontends.secure.tls]
${tables.certificate}
${tables.more}
[backends.out]
${tables.backend}
${servers.join('\n')}
[stats]
listen_addr = "127.0.0.1:${tables.stats}"
`;
}

class Session {
  readonly port: number;
  readonly tables: Tables;
  private readonly securePort: number;
  private readonly file: string;
  private readonly running: Running;

  private constructor(
    options: Pick<Session, 'port' | 'tables'> & {
      securePort: number;
      file: string;
      running: Running;
    },
  ) {
    this.port = options.port;
    this.tables = options.tables;
    this.securePort = options.securePort;
    this.file = options.file;
    this.running = options.running;
  }

  static async start(servers: Tables['servers']): Promise<Session> {
    const [port, securePort] = [await freePort(), await freePort()];
    const tables: Tables = {
      web: '',
      moving: await freePort(),
      certificate: certificate('one.example'),
      more: '',
      backend: 'health_check_interval = "200ms"\nslow_start = "1s"',
      drainTimeout: '5m',
      servers,
      stats: await freePort(),
      log: 'stderr',
    };
    const { file, remove } = await temporaryFile('config.toml', configOf(port, tables, securePort));
    cleanups.push(remove);
    const running = startProcess('run', file);
    cleanups.push(() => running.end('SIGKILL'));
    await running.says(/"msg":"ready"/);
    return new Session({ port, tables, securePort, file, running });
  }

  get folder(): string {
    return dirname(this.file);
  }

  get tlsPort(): number {
    return this.securePort;
  }

  /** Writes a changed file and waits until it has taken effect, or was refused. */
  async change(tables: Partial<Tables>, outcome = 'configuration reloaded'): Promise<void> {
    const before = await this.logged(outcome);
    await this.begin(tables);
    await until(outcome, async () => (await this.logged(outcome)) > before);
  }

  /** Writes a changed file. */
  async begin(tables: Partial<Tables>): Promise<void> {
    Object.assign(this.tables, tables);
    await writeFile(this.file, configOf(this.port, this.tables, this.securePort));
  }

  async statistics(): Promise<Statistics> {
    const response = await fetch(`http://127.0.0.1:${this.tables.stats}/stats.json`);
    return (await response.json()) as Statistics;
  }

  async server(name: string): Promise<ServerStatistics> {
    const { addr } = this.tables.servers[name]!;
    return (await this.statistics()).backends['out']!.server_stats[addr]!;
  }

  async stop(): Promise<number | null> {
    return this.running.end('SIGTERM');
  }

  /** How often a text was logged so far, wherever the log went. */
  private async logged(text: string): Promise<number> {
    const inFile = await readFile(join(this.folder, 'log'), 'utf8').catch(() => '');
    return `${this.running.output().stderr}${inFile}`.split(text).length;
  }
}

test('every kind of change takes effect under 200 connections a second, and fails none', async () => {
  const [one, two, three, four] = await Promise.all([
    startEcho(),
    startEcho(),
    startEcho(),
    startEcho(),
  ]);
  const servers = { one: { addr: one.address }, two: { addr: two.address } };
  const session = await Session.start(servers);
  const traffic = ask200TimesASecond(session.port);

  await expectSettingsFollowed(session);
  await expectServersFollowed(session, {
    second: two.sockets,
    third: three.address,
    fourth: four.address,
  });
  await expectFrontendsFollowed(session);
  await expectAddressMoves(session);
  await expectCertificateFollowed(session);
  await expectStatsAndLogFollowed(session);

  const answers = await traffic.stop(200);
  expect(answers.filter((answer) => answer !== 'ping')).toEqual([]);
  expect(await session.stop()).toBe(0);
}, 240_000);

async function expectSettingsFollowed(session: Session): Promise<void> {
  const held = await hold(session.port);
  const { one, two } = session.tables.servers;
  await session.change({
    web: 'idle_timeout = "5m"\ndeny = ["203.0.113.0/24"]\nmax_connections = 5000',
    backend: `${session.tables.backend}\nbalance = "leastconn"`,
    servers: {
      one: { ...one!, keys: 'weight = 7\npriority = 0\nmax_connections = 900' },
      two: two!,
    },
  });
  await expectAlive(held);
  expect((await session.server('one')).weight).toBe(7);

  await session.change({ servers: { one: { ...one!, keys: 'weight = 0' }, two: two! } });
  await expectAlive(held);
  const before = await session.server('one');
  const { total } = await session.server('two');
  await until('others are served by two', async () => {
    return (await session.server('two')).total > total + 20;
  });
  expect((await session.server('one')).total).toBe(before.total);
  held.destroy();
}

async function expectServersFollowed(
  session: Session,
  { second, third, fourth }: { second: ReadonlySet<Socket>; third: string; fourth: string },
): Promise<void> {
  // Everything goes to two now, so this does too.
  const held = await hold(session.port);
  const { one, two } = session.tables.servers;
  await session.change({ servers: { one: one!, two: two!, three: { addr: third } } });
  await until('the new server is used', async () => (await session.server('three')).total > 0);
  expect((await session.server('three')).last_check!.ok).toBe(true);

  // Nobody else may be there when those who are left are cut.
  const servers = { one: { addr: one!.addr }, three: { addr: third } };
  await session.change({ servers: { ...servers, two: { ...two!, keys: 'weight = 0' } } });
  await until('only one is left on two', async () => (await session.server('two')).current === 1);
  await expectAlive(held);
  const cut = new Promise((resolve) => held.once('close', resolve));
  await session.change({ servers, drainTimeout: '500ms' });
  await cut;
  await until('nobody is left on it', () => second.size === 0);

  await session.change({
    servers: { ...servers, three: { addr: third, keys: 'weight = 0' } },
    drainTimeout: '5m',
  });
  await until('three is idle', async () => (await session.server('three')).current === 0);
  await session.change({ servers: { ...servers, three: { addr: fourth } } });
  await until('the new address is used', async () => (await session.server('three')).total > 0);
}

async function expectFrontendsFollowed(session: Session): Promise<void> {
  const port = await freePort();
  const more = `[frontends.more]\nlisten_addr = "127.0.0.1:${port}"\nbackend = "out"`;
  await session.change({ more });
  const held = await hold(port);
  await session.change({ more: '' });
  expect(await exchange(port)).toBe('ECONNREFUSED');
  await expectAlive(held);
  held.destroy();

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  cleanups.push(async () => taken.close());
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  await session.change({ more: more.replace(`127.0.0.1:${port}`, address) }, 'reload refused');
  expect(Object.keys((await session.statistics()).frontends)).not.toContain('more');
  await session.begin({ more: '' });
}

async function expectAddressMoves(session: Session): Promise<void> {
  const former = session.tables.moving;
  const held = await hold(former);
  const next = await freePort();
  let isMoved = false;
  const moved = session.change({ moving: next }).then(() => (isMoved = true));
  while (!isMoved) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const answer = await exchange(former);
    // oxlint-disable-next-line no-await-in-loop -- whoever finds the old one closed finds the new one open
    if (answer !== 'ping') expect(await exchange(next)).toBe('ping');
  }
  await moved;
  expect(await exchange(next)).toBe('ping');
  await expectAlive(held);
  held.destroy();
}

async function expectCertificateFollowed(session: Session): Promise<void> {
  const held = await dialTls(session.tlsPort);
  expect(held.getPeerCertificate().subject.CN).toBe('one.example');
  await session.change({ certificate: certificate('two.example') });
  await expectAlive(held);
  const next = await dialTls(session.tlsPort);
  expect(next.getPeerCertificate().subject.CN).toBe('two.example');
  held.destroy();
  next.destroy();
}

async function expectStatsAndLogFollowed(session: Session): Promise<void> {
  const former = session.tables.stats;
  const log = join(session.folder, 'log');
  await session.change({ stats: await freePort(), log });
  expect((await session.statistics()).process.workers).toBe(1);
  await until(
    'the former address is free',
    async () => (await exchange(former)) === 'ECONNREFUSED',
  );
}
