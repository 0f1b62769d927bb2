/**
 * What does a relayed request, a connection and a GiB cost, beside HAProxy in front of the same
 * server?
 *
 * All run in this one command, in alternating order, each as one process, on loopback. The floor is
 * the server without a relay. The rate tells what a machine of its own would do; where the machine
 * is shared, CPU time is the figure to compare, since it does not depend on who else runs.
 *
 *     npm run build && npm run bench -w packages/proxy
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { commandPath } from '../../../scripts/system-requirements.ts';
import { closedPort } from '../test/support.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 3);
const BULK_BYTES = 512 * 2 ** 20;
const CLOCK_TICKS_PER_SECOND = 100;
const BALANCER = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));

const run = promisify(execFile);

interface Contestant {
  readonly name: string;
  readonly port: number;
  /** The process whose CPU time counts; absent for the floor. */
  readonly pid: number | undefined;
}

/** One measurement: how fast, and at which price. */
interface Score {
  readonly perSecond: number;
  /** Microseconds of CPU per unit. */
  readonly cpuMicros: number;
}

interface Discipline {
  readonly name: string;
  readonly unit: string;
  readonly measure: (contestant: Contestant) => Promise<Score>;
}

const DISCIPLINES: readonly Discipline[] = [
  { name: 'keep-alive requests', unit: 'request', measure: (c) => load(c, []) },
  {
    name: 'new connections',
    unit: 'connection',
    measure: (c) => load(c, ['-H', 'Connection: close']),
  },
  { name: 'bulk, one stream', unit: 'MiB', measure: bulk },
];

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
  { name, unit, measure }: Discipline,
  contestants: readonly Contestant[],
): Promise<void> {
  const scores = new Map<string, Score[]>(contestants.map((contestant) => [contestant.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    // Alternating order, so that a drift of the machine meets all alike.
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- as above
      scores.get(contestant.name)!.push(await measure(contestant));
    }
  }
  print(`\n${name}`);
  const haproxy = medianOf(scores.get('haproxy')!);
  for (const [contestant, rounds] of scores) {
    const { perSecond, cpuMicros } = medianOf(rounds);
    const ratio = (perSecond / haproxy.perSecond).toFixed(2);
    const cpuRatio =
      cpuMicros === 0
        ? ''
        : `, ${cpuMicros.toFixed(1)} us CPU per ${unit} (${(cpuMicros / haproxy.cpuMicros).toFixed(2)} x haproxy)`;
    const raw = rounds.map((score) => Math.round(score.perSecond)).join(' ');
    print(
      `  ${contestant.padEnd(9)} ${Math.round(perSecond)} ${unit}s/s (${ratio} x haproxy)${cpuRatio}  [${raw}]`,
    );
  }
}

async function startAll(): Promise<readonly Contestant[]> {
  const [server, haproxy, balancer] = [await closedPort(), await closedPort(), await closedPort()];
  await writeFile(join(folder, 'bulk'), '');
  await truncate(join(folder, 'bulk'), BULK_BYTES);
  const nginxFile = join(folder, 'nginx.conf');
  await writeFile(
    nginxFile,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/log;
events { worker_connections 4096; }
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
  maxconn 4000
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
  const balancerFile = join(folder, 'balancer.toml');
  await writeFile(
    balancerFile,
    `[frontends.in]
listen_addr = "127.0.0.1:${balancer}"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.s]
addr = "127.0.0.1:${server}"
`,
  );
  await start(commandPath('nginx')!, ['-c', nginxFile, '-e', `${folder}/log`], server);
  return [
    { name: 'direct', port: server, pid: undefined },
    {
      name: 'haproxy',
      port: haproxy,
      pid: await start(commandPath('haproxy')!, ['-db', '-f', haproxyFile], haproxy),
    },
    {
      name: 'balancer',
      port: balancer,
      pid: await start(process.execPath, [BALANCER, 'run', balancerFile], balancer),
    },
  ];
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

async function load({ port, pid }: Contestant, options: readonly string[]): Promise<Score> {
  const args = ['-t1', '-c50', `-d${SECONDS}`, ...options, `http://127.0.0.1:${port}/`];
  const before = await cpuSeconds(pid);
  const { stdout } = await run(commandPath('wrk')!, args);
  const cpu = (await cpuSeconds(pid)) - before;
  const count = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return { perSecond: count / SECONDS, cpuMicros: (cpu * 1e6) / count };
}

async function bulk({ port, pid }: Contestant): Promise<Score> {
  const before = await cpuSeconds(pid);
  const startedAt = performance.now();
  let received = 0;
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.alloc(2 ** 18),
      callback: (count) => {
        received += count;
        return true;
      },
    },
  });
  socket.write('GET /bulk HTTP/1.0\r\n\r\n');
  await once(socket, 'close');
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuSeconds(pid)) - before;
  const mebibytes = received / 2 ** 20;
  return { perSecond: mebibytes / seconds, cpuMicros: (cpu * 1e6) / mebibytes };
}

/** User and system time that a process has used so far. */
async function cpuSeconds(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

function medianOf(scores: readonly Score[]): Score {
  const median = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  return {
    perSecond: median(scores.map((score) => score.perSecond)),
    cpuMicros: median(scores.map((score) => score.cpuMicros)),
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
