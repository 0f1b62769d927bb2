/**
 * Do established connections get their answers while somebody floods the service with SYNs?
 *
 * A client, a balancer (full NAT by the tc build) and a backend in network namespaces; connections that stay open ask
 * nginx at a steady pace, hping3 sends SYNs from random addresses as fast as one core can. The same packets to a port
 * without a service, which the balancer drops, show what the flood itself takes from the machine: programs that send,
 * ask and answer share its cores. Needs root, hping3 and nginx; takes about two minutes.
 *
 *     npm run bench:flood -w packages/l4
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { attachTc, type NetworkNamespace } from '@balancer/ebpf';
import { TrafficHost } from '../test/support/traffic.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { median } from './scenarios.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SECONDS = 3;
/** Some of what the machine could do: the cores have to send the flood, too. */
const REQUESTS_PER_S = 2_000;
const CONNECTIONS = 200;
const NEW_PER_S = 100;
const CLIENT = fileURLToPath(new URL('paced-client.ts', import.meta.url));
const PORT = 8080;
const NO_SERVICE_PORT = 81;
const PROXIES = ['off', 'client-first'] as const;
const FLOODS = { none: undefined, dropped: NO_SERVICE_PORT, service: PORT } as const;

const folder = mkdtempSync(join(tmpdir(), 'balancer-l4-bench-'));
const host = new TrafficHost({ l4_ct: 1_048_576 });
const children: ChildProcess[] = [];

function background(
  namespace: NetworkNamespace,
  command: string,
  args: readonly string[],
): ChildProcess {
  const child = namespace.run(() => spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] }));
  children.push(child);
  return child;
}

async function startServer(): Promise<void> {
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
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

/** What a client that asks at a steady pace got. */
interface Outcome {
  readonly asked: number;
  readonly answered: number;
  readonly p99Ms: number;
  readonly opened: number;
  readonly openedAnswered: number;
}

/** Next line that a process prints. */
async function nextLine(child: ChildProcess): Promise<string> {
  let said = '';
  while (!said.includes('\n')) {
    // oxlint-disable-next-line no-await-in-loop -- piece by piece
    const [chunk] = await once(child.stdout!, 'data');
    said += String(chunk);
  }
  return said;
}

/** Asks on connections that were open before the flood began. */
async function measure(port: number | undefined): Promise<{ outcome: Outcome; sent: number }> {
  const load = [NAMES['V']!, PORT, CONNECTIONS, REQUESTS_PER_S, NEW_PER_S, SECONDS].map(String);
  const asking = background(host.client, process.execPath, ['--import', 'tsx', CLIENT, ...load]);
  await nextLine(asking);
  const before = framesOf(host.client);
  // It would go on by itself; no round needs so much of a core.
  const to = ['--cpu=60', 'hping3', '-S', '-q', '--rand-source', '--flood', '-p', `${port}`];
  const flood =
    port === undefined ? undefined : background(host.client, 'prlimit', [...to, NAMES['V']!]);
  const start = performance.now();
  asking.stdin!.write('go\n');
  const said = await nextLine(asking);
  const sent = ((framesOf(host.client) - before) / (performance.now() - start)) * 1000;
  flood?.kill('SIGKILL');
  // What the client prints.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { outcome: JSON.parse(said) as Outcome, sent };
}

/** Frames that a namespace has sent. */
function framesOf(namespace: NetworkNamespace): number {
  const text = namespace.run(() => readFileSync('/proc/thread-self/net/dev', 'utf8'));
  return text
    .split('\n')
    .slice(2)
    .filter((line) => !line.trim().startsWith('lo:'))
    .reduce((sum, line) => sum + Number(line.split(':')[1]?.trim().split(/\s+/)[9] ?? 0), 0);
}

const results = new Map<string, { outcome: Outcome; sent: number }[]>();
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
        results.set(key, [...(results.get(key) ?? []), await measure(port)]);
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
console.log(
  `asked: ${REQUESTS_PER_S} requests/s on ${CONNECTIONS} connections, ${NEW_PER_S} new connections/s`,
);
console.log('SYN proxy     flood     frames sent/s  answered       p99  new ones answered');
for (const synproxy of PROXIES) {
  for (const name of Object.keys(FLOODS)) {
    const rounds = results.get(`${synproxy} ${name}`)!;
    const sent = median(rounds.map((round) => round.sent)).toFixed(0);
    const share = median(rounds.map(({ outcome: { asked, answered } }) => answered / asked));
    const fresh = median(rounds.map(({ outcome }) => outcome.openedAnswered / outcome.opened));
    const p99Ms = median(rounds.map(({ outcome }) => outcome.p99Ms)).toFixed(1);
    console.log(
      `${synproxy.padEnd(13)} ${name.padEnd(9)} ${sent.padStart(13)} ${`${(share * 100).toFixed(1)} %`.padStart(9)} ${`${p99Ms} ms`.padStart(9)} ${`${(fresh * 100).toFixed(1)} %`.padStart(18)}`,
    );
  }
}
