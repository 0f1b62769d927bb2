/**
 * What does a relayed request, a connection and a GiB cost, beside HAProxy and nginx in front of the
 * same server? What does a second worker bring, and an idle connection cost?
 *
 * All run in this one command, in alternating order, each as one process (`workers 2`: two and the
 * main process), on loopback. The floor is the server without a relay. The rate tells what a machine
 * of its own would do; where the machine is shared, CPU time is the figure to compare, since it does
 * not depend on who else runs.
 *
 *     npm run build && npm run bench -w packages/proxy
 *
 * `BENCH_WARM_UPS` (2), `BENCH_ROUNDS` (3) and `BENCH_SECONDS` (3) say how often and for how long;
 * `BENCH_ONLY=bulk,idle` runs the disciplines whose names contain one of these.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '@balancer/kit';
import { descriptorLimit } from '../src/descriptors.ts';
import { commandPath, NGINX_STREAM_MODULE } from '../../../scripts/system-requirements.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 3);
/** Rounds before those that count: the runtime compiles what is used often. */
const WARM_UPS = Number(process.env['BENCH_WARM_UPS'] ?? 2);
const BULK_BYTES = 512 * 2 ** 20;
const IDLE_CONNECTIONS = 1500;
/** Connections that only exist while 100 others are busy. A relay needs two descriptors for each. */
const IDLE_BESIDE = 10_000;
const DESCRIPTORS_MAX = descriptorLimit();
/** Descriptors of a relay that its idle connections leave: for 100 busy ones, and itself. */
const DESCRIPTORS_KEPT = 500;
const CLOCK_TICKS_PER_SECOND = 100;
/** What a process does right after it listens takes no longer. */
const START_SETTLES_MS = 1500;
const BALANCER = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));

const run = promisify(execFile);

interface Contestant {
  readonly name: string;
  readonly port: number;
  /** The processes whose CPU time and memory count; none for the floor. */
  readonly pids: readonly number[];
}

/** One measurement: figures by their names, of which the first is compared. */
type Score = Readonly<Record<string, number>>;

interface Discipline {
  readonly name: string;
  readonly measure: (contestant: Contestant) => Promise<Score>;
}

const ALL_DISCIPLINES: readonly Discipline[] = [
  { name: 'memory at the start', measure: atStart },
  { name: 'keep-alive requests', measure: (c) => load(c, 50, []) },
  { name: 'new connections', measure: (c) => load(c, 50, ['-H', 'Connection: close']) },
  { name: 'bulk, one stream', measure: (c) => bulk(c, 1) },
  { name: 'bulk, eight streams', measure: (c) => bulk(c, 8) },
  { name: 'one request after the other', measure: latency },
  { name: 'idle connections', measure: idle },
  { name: 'busy beside idle ones', measure: busyBesideIdle },
];

const WANTED = process.env['BENCH_ONLY']?.split(',') ?? [''];
const DISCIPLINES = ALL_DISCIPLINES.filter(({ name }) =>
  WANTED.some((part) => name.includes(part)),
);

const folder = await mkdtemp(join(tmpdir(), 'balancer-bench-'));
const children: ChildProcess[] = [];
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
}

async function main(): Promise<void> {
  for (const command of ['nginx', 'wrk', 'haproxy']) {
    if (commandPath(command)) continue;
    process.stderr.write(
      `needs ${command}: apt-get install ${command === 'nginx' ? 'nginx-light' : command}\n`,
    );
    process.exitCode = 1;
    return;
  }
  const contestants = await startAll();
  print(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Node ${process.versions.node}`,
  );
  for (const discipline of DISCIPLINES) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, or they would compete
    await compete(discipline, contestants);
  }
}

async function compete(
  { name, measure }: Discipline,
  contestants: readonly Contestant[],
): Promise<void> {
  const scores = new Map<string, Score[]>(contestants.map((contestant) => [contestant.name, []]));
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    // Alternating order, so that a drift of the machine meets all alike.
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- as above
      const score = await measure(contestant);
      if (round >= 0) scores.get(contestant.name)!.push(score);
    }
  }
  print(`\n${name}`);
  const haproxy = mediansOf(scores.get('haproxy')!);
  for (const [contestant, rounds] of scores) {
    const figures = Object.entries(mediansOf(rounds)).map(([figure, median]) => {
      const ratio = haproxy[figure] ? ` (${(median / haproxy[figure]).toFixed(2)} x haproxy)` : '';
      return `${rounded(median)} ${figure}${ratio}`;
    });
    const raw = rounds.map((score) => rounded(Object.values(score)[0]!)).join(' ');
    print(`  ${contestant.padEnd(11)} ${figures.join(', ')}  [${raw}]`);
  }
}

async function startAll(): Promise<readonly Contestant[]> {
  const [server, haproxy, nginx, balancer, workers] = await Promise.all(
    Array.from({ length: 5 }, freePort),
  );
  await writeFile(join(folder, 'bulk'), '');
  await truncate(join(folder, 'bulk'), BULK_BYTES);
  const nginxFile = join(folder, 'nginx.conf');
  await writeFile(
    nginxFile,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/log;
events { worker_connections 30000; }
http {
  access_log off; keepalive_requests 1000000000; sendfile on; root ${folder};
  server { listen 127.0.0.1:${server} backlog=1024; location / { return 200 "${'x'.repeat(256)}"; } location /bulk { } }
}`,
  );
  const haproxyFile = join(folder, 'haproxy.cfg');
  await writeFile(
    haproxyFile,
    `global
  nbthread 1
  maxconn 9800
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen l
  bind 127.0.0.1:${haproxy} backlog 1024
  server s 127.0.0.1:${server}
`,
  );
  const streamFile = join(folder, 'stream.conf');
  await writeFile(
    streamFile,
    `daemon off; master_process off; pid ${folder}/stream.pid; error_log ${folder}/log;
${nginxModules()}
events { worker_connections 30000; }
stream {
  server { listen 127.0.0.1:${nginx} backlog=1024; proxy_pass 127.0.0.1:${server}; proxy_half_close on; proxy_timeout 1h; }
}`,
  );
  await start(commandPath('nginx')!, ['-c', nginxFile, '-e', `${folder}/log`], server!);
  const nginxOptions = ['-c', streamFile, '-e', `${folder}/log`];
  return [
    { name: 'direct', port: server!, pids: [] },
    {
      name: 'haproxy',
      port: haproxy!,
      pids: [await start(commandPath('haproxy')!, ['-db', '-f', haproxyFile], haproxy!)],
    },
    {
      name: 'nginx',
      port: nginx!,
      pids: [await start(commandPath('nginx')!, nginxOptions, nginx!)],
    },
    { name: 'balancer', port: balancer!, pids: await startBalancer(balancer!, server!, 1) },
    { name: 'workers 2', port: workers!, pids: await startBalancer(workers!, server!, 2) },
  ];
}

/** Debian loads the stream module by a line of its own; other builds have it inside. */
function nginxModules(): string {
  return existsSync(NGINX_STREAM_MODULE) ? `load_module ${NGINX_STREAM_MODULE};` : '';
}

/** @returns The ids of all its processes. */
async function startBalancer(
  port: number,
  server: number,
  workers: number,
): Promise<readonly number[]> {
  const file = join(folder, `balancer-${port}.toml`);
  await writeFile(
    file,
    `[global]
workers = ${workers}
[frontends.in]
listen_addr = "127.0.0.1:${port}"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.s]
addr = "127.0.0.1:${server}"
`,
  );
  const pid = await start(process.execPath, [BALANCER, 'run', file], port);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [pid, ...children.split(' ').filter(Boolean).map(Number)];
}

/** @returns The process id, once the port answers. */
async function start(command: string, args: readonly string[], port: number): Promise<number> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  children.push(child);
  for (let attempt = 0; attempt < 500; attempt++) {
    // oxlint-disable-next-line no-await-in-loop -- until it listens
    if (await answers(port)) return child.pid!;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${command} does not listen on ${port}; is the build up to date?`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function load(
  { port, pids }: Contestant,
  connections: number,
  options: readonly string[],
): Promise<Score> {
  const args = ['-t1', `-c${connections}`, `-d${SECONDS}`, ...options, `http://127.0.0.1:${port}/`];
  const before = await cpuSeconds(pids);
  const { stdout } = await run(commandPath('wrk')!, args);
  const cpu = (await cpuSeconds(pids)) - before;
  const count = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return { 'a second': count / SECONDS, 'us CPU each': (cpu * 1e6) / count };
}

async function bulk({ port, pids }: Contestant, streams: number): Promise<Score> {
  const before = await cpuSeconds(pids);
  const startedAt = performance.now();
  const received = await Promise.all(
    Array.from({ length: streams }, () => download(port, BULK_BYTES / streams)),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuSeconds(pids)) - before;
  const mebibytes = received.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20;
  return { 'MiB/s': mebibytes / seconds, 's CPU per GiB': (cpu * 1024) / mebibytes };
}

/** @returns Bytes that came: `bytesMax`, or a read more. */
async function download(port: number, bytesMax: number): Promise<number> {
  let received = 0;
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.alloc(2 ** 18),
      callback: (count) => {
        received += count;
        if (received >= bytesMax) socket.destroy();
        return true;
      },
    },
  });
  socket.write('GET /bulk HTTP/1.0\r\n\r\n');
  await once(socket, 'close');
  return received;
}

/** The time of a request on one connection with nothing beside it: the floor is the server's own. */
async function latency({ port }: Contestant): Promise<Score> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const times: number[] = [];
  const endAt = performance.now() + SECONDS * 1000;
  while (performance.now() < endAt) {
    const startedAt = performance.now();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await once(socket, 'data');
    times.push((performance.now() - startedAt) * 1000);
  }
  socket.destroy();
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (share: number): number => sorted[Math.floor(sorted.length * share)]!;
  return { 'us median': quantile(0.5), 'us p99': quantile(0.99) };
}

/** Memory of processes that have served nobody yet but the one who asked whether they listen. */
async function atStart({ name }: Contestant): Promise<Score> {
  const workers = { balancer: 1, 'workers 2': 2 }[name];
  if (workers === undefined) return { 'MiB each': 0 };
  const pids = await startBalancer(await freePort(), await freePort(), workers);
  await new Promise((resolve) => setTimeout(resolve, START_SETTLES_MS));
  const kibibytes = await residentKibibytes(pids);
  process.kill(pids[0]!, 'SIGKILL');
  return { 'MiB each': kibibytes / pids.length / 1024, processes: pids.length };
}

/** Memory per connection that only exists, both sockets included, after the first 500. */
async function idle({ port, pids }: Contestant): Promise<Score> {
  const atStart = await residentKibibytes(pids);
  const first = await hold(port, 500);
  const before = await residentKibibytes(pids);
  const further = await hold(port, IDLE_CONNECTIONS);
  const after = await residentKibibytes(pids);
  for (const socket of [...first, ...further]) socket.resetAndDestroy();
  return {
    'KiB each': (after - before) / IDLE_CONNECTIONS,
    'MiB with 500': before / 1024,
    'MiB before': atStart / 1024,
  };
}

/** Requests over 100 connections, alone and then beside many that only exist. */
async function busyBesideIdle(contestant: Contestant): Promise<Score> {
  const alone = await load(contestant, 100, []);
  const { pids } = contestant;
  // The main process of workers relays nothing.
  const relays = Math.max(1, pids.length - 1);
  const fitting = Math.floor((relays * (DESCRIPTORS_MAX - DESCRIPTORS_KEPT)) / 200) * 100;
  const idle = Math.min(IDLE_BESIDE, pids.length === 0 ? IDLE_BESIDE : fitting);
  const idlers = await hold(contestant.port, idle);
  const beside = await load(contestant, 100, []);
  for (const socket of idlers) socket.resetAndDestroy();
  const ratioOf = (figure: string): number => beside[figure]! / alone[figure]!;
  return {
    'of the rate alone': ratioOf('a second'),
    'idle ones': idle,
    // On a shared machine this says more: others do not count.
    'of the CPU alone': pids.length > 0 ? ratioOf('us CPU each') : 1,
  };
}

async function hold(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let left = count; left > 0; left -= 100) {
    const batch = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'));
    // oxlint-disable-next-line no-await-in-loop -- in batches that fit the queue
    await Promise.all(batch.map((socket) => greetBack(socket)));
    sockets.push(...batch);
  }
  return sockets;
}

/** One request, so that the relay has a server before the connection idles. */
async function greetBack(socket: Socket): Promise<void> {
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
}

/** User and system time that processes have used so far. */
async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const times = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  });
  return (await Promise.all(times)).reduce((sum, seconds) => sum + seconds, 0);
}

async function residentKibibytes(pids: readonly number[]): Promise<number> {
  const sizes = pids.map(async (pid) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function mediansOf(scores: readonly Score[]): Score {
  const medianOf = (figure: string): number =>
    scores.map((score) => score[figure]!).toSorted((a, b) => a - b)[Math.floor(scores.length / 2)]!;
  return Object.fromEntries(Object.keys(scores[0]!).map((figure) => [figure, medianOf(figure)]));
}

/** Three digits. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
