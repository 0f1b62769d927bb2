/**
 * How many requests do established connections get answered while somebody floods the service with SYNs?
 *
 * A client, a balancer (full NAT by the tc build) and a backend in network namespaces; wrk asks nginx on connections
 * that stay open, hping3 sends SYNs from random addresses as fast as one core can. The same packets to a port without
 * a service, which the balancer drops, show what the flood itself takes from the machine: programs that send, ask and
 * answer share its cores. Needs root, hping3, wrk and nginx; takes about a minute.
 *
 *     npm run bench:flood -w packages/l4
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { attachTc, type NetworkNamespace } from '@balancer/ebpf';
import { TrafficHost } from '../test/support/traffic.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { median } from './scenarios.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const SECONDS = 2;
const PORT = 8080;
const NO_SERVICE_PORT = 81;
const FLOOD_MAX = 10_000_000;
const PROXIES = ['off', 'client-first'] as const;
const FLOODS = { none: undefined, dropped: NO_SERVICE_PORT, service: PORT } as const;

const folder = mkdtempSync(join(tmpdir(), 'balancer-l4-bench-'));
const host = new TrafficHost({ l4_ct: 1_048_576 });
const children: ChildProcess[] = [];

function background(
  namespace: NetworkNamespace,
  command: string,
  args: readonly string[],
  stdout: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const child = namespace.run(() => spawn(command, args, { stdio: ['ignore', stdout, 'ignore'] }));
  children.push(child);
  return child;
}

async function startServer(): Promise<void> {
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1;
     events { worker_connections 4096; }
     http { access_log off; keepalive_requests 100000000; server { listen ${PORT} backlog=4096; return 200 "ok\\n"; } }`,
  );
  background(host.backend, 'nginx', ['-c', config, '-p', folder]);
  const probe = ['-c', `exec 3<>/dev/tcp/${NAMES['B1']!}/${PORT}`];
  for (let tries = 0; tries < 200; tries++) {
    const { status } = host.client.run(() => spawnSync('bash', probe, { stdio: 'ignore' }));
    if (status === 0) return;
    await promisify(setTimeout)(50);
  }
  throw new Error('nginx does not listen');
}

/** Requests per second on connections that were open before the flood began. */
async function measure(port: number | undefined): Promise<number> {
  const url = `http://${NAMES['V']!}:${PORT}/`;
  const asking = background(host.client, 'wrk', ['-t1', '-c16', `-d${SECONDS}s`, url], 'pipe');
  let said = '';
  asking.stdout!.on('data', (chunk) => (said += String(chunk)));
  const ended = new Promise((resolve) => asking.on('exit', resolve));
  await promisify(setTimeout)(200);
  const to = ['-S', '-q', '--rand-source', '--flood', '-c', `${FLOOD_MAX}`, '-p', `${port}`];
  const flood =
    port === undefined ? undefined : background(host.client, 'hping3', [...to, NAMES['V']!]);
  await ended;
  flood?.kill('SIGKILL');
  return Number(/Requests\/sec:\s*([\d.]+)/.exec(said)?.[1] ?? 0);
}

const rates = new Map<string, number[]>();
try {
  await startServer();
  for (let round = 0; round < ROUNDS; round++) {
    for (const synproxy of round % 2 === 0 ? PROXIES : PROXIES.toReversed()) {
      const plane = new DataPlane(
        {
          mode: 'fnat',
          localAddresses: Array.from({ length: 10 }, (_, i) => `198.51.100.${5 + i}`),
          portRange: [1025, 65_535],
          port: PORT,
          owned: { V: 'drop' },
          network: 'existing',
          synproxy,
        },
        'tc',
        host,
      );
      const attachments = host.namespace.run(() =>
        host.interfaces.map((ifindex) =>
          attachTc({ program: plane.program, ifindex, direction: 'ingress' }),
        ),
      );
      for (const [name, port] of Object.entries(FLOODS)) {
        const key = `${synproxy} ${name}`;
        rates.set(key, [...(rates.get(key) ?? []), await measure(port)]);
      }
      for (const attachment of attachments) attachment.close();
      plane.close();
    }
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  host.close();
  rmSync(folder, { recursive: true, force: true });
}

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} rounds`,
);
/** Median over the rounds of the ratio to another flood in the same round. */
const ratio = (synproxy: string, name: string, to: string): string =>
  median(
    rates.get(`${synproxy} ${name}`)!.map((rate, i) => rate / rates.get(`${synproxy} ${to}`)![i]!),
  ).toFixed(2);
console.log('SYN proxy     flood      req/s  x none  x dropped');
for (const synproxy of PROXIES) {
  for (const name of Object.keys(FLOODS)) {
    const rate = median(rates.get(`${synproxy} ${name}`)!).toFixed(0);
    console.log(
      `${synproxy.padEnd(13)} ${name.padEnd(8)} ${rate.padStart(7)} ${ratio(synproxy, name, 'none').padStart(7)} ${ratio(synproxy, name, 'dropped').padStart(10)}`,
    );
  }
}
