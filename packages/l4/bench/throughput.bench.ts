/**
 * How does full NAT by the tc build compare with the kernel's own, and with a proxy?
 *
 * A client, a balancer and a backend in network namespaces, joined by veth pairs with their usual offloads.
 * Each round measures every subject in turn, in an order that changes: bytes of one TCP stream (iperf3), and
 * requests on a connection each (wrk against nginx). Plain forwarding without any NAT is the bound.
 * Needs root, nft, haproxy, iperf3, wrk and nginx; takes about a minute.
 *
 *     npm run bench:throughput -w packages/l4
 *
 * @module
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  addAddress,
  attachTc,
  changeLink,
  findLink,
  RouteSocket,
  type NetworkNamespace,
} from '@balancer/ebpf';
import { TrafficHost } from '../test/support/traffic.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const SECONDS = 2;
const VIP = NAMES['V']!;
const BACKEND = NAMES['B1']!;
const HTTP_PORT = 8080;
const IPERF_PORT = 5201;
/** So many that no subject runs out of ports while the backend waits out closed connections. */
const LOCAL_ADDRESSES = Array.from({ length: 10 }, (_, i) => `198.51.100.${5 + i}`);

interface Subject {
  readonly name: string;
  /** Address that the client talks to. */
  readonly target: string;
  /** Puts it in place; returns what takes it away. */
  start(): Promise<() => void>;
}

const folder = mkdtempSync(join(tmpdir(), 'balancer-l4-bench-'));
const host = new TrafficHost({ l4_ct: 1_048_576 });
const servers: ChildProcess[] = [];

function run(namespace: NetworkNamespace, command: string, args: readonly string[]): string {
  return namespace.run(() =>
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

function background(
  namespace: NetworkNamespace,
  command: string,
  args: readonly string[],
): ChildProcess {
  const child = namespace.run(() => spawn(command, args, { stdio: 'ignore' }));
  servers.push(child);
  return child;
}

/** Waits until a port of an address accepts connections, seen from a namespace. */
async function untilOpen(
  namespace: NetworkNamespace,
  address: string,
  port: number,
): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const probe = namespace.run(() =>
      spawnSync('bash', ['-c', `exec 3<>/dev/tcp/${address}/${port}`], { stdio: 'ignore' }),
    );
    if (probe.status === 0) return;
    await promisify(setTimeout)(50);
  }
  throw new Error(`nothing listens on ${address}:${port}`);
}

const forwarding: Subject = {
  name: 'plain forwarding',
  target: BACKEND,
  start: async () => () => {},
};

const nftables: Subject = {
  name: 'nftables dnat + snat',
  target: VIP,
  start: async () => {
    const rules = join(folder, 'rules.nft');
    const range = `${LOCAL_ADDRESSES[0]}-${LOCAL_ADDRESSES.at(-1)}`;
    writeFileSync(
      rules,
      `table ip balancer_bench {
        chain in { type nat hook prerouting priority -100; ip daddr ${VIP} dnat to ${BACKEND}; }
        chain out { type nat hook postrouting priority 100; ip daddr ${BACKEND} snat to ${range}; }
      }`,
    );
    run(host.namespace, 'nft', ['-f', rules]);
    return () => run(host.namespace, 'nft', ['delete', 'table', 'ip', 'balancer_bench']);
  },
};

const balancer: Subject = {
  name: 'Balancer, fnat by tc',
  target: VIP,
  start: async () => {
    const plane = new DataPlane(
      {
        mode: 'fnat',
        port: 0,
        backends: [{ address: BACKEND, port: 0 }],
        localAddresses: LOCAL_ADDRESSES,
        portRange: [1025, 65_535],
        network: 'existing',
        filter: true,
      },
      'tc',
      host,
    );
    const attachments = host.namespace.run(() =>
      host.interfaces.map((ifindex) =>
        attachTc({ program: plane.program, ifindex, direction: 'ingress' }),
      ),
    );
    return () => {
      for (const attachment of attachments) attachment.close();
      plane.close();
    };
  },
};

const haproxy: Subject = {
  name: 'HAProxy, mode tcp',
  target: VIP,
  start: async () => {
    const file = join(folder, 'haproxy.cfg');
    const part = (port: number): string =>
      `listen p${port}\n  bind ${VIP}:${port}\n  server b ${BACKEND}:${port}\n`;
    writeFileSync(
      file,
      `global\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n${part(HTTP_PORT)}${part(IPERF_PORT)}`,
    );
    const child = background(host.namespace, 'haproxy', ['-db', '-f', file]);
    await untilOpen(host.client, VIP, HTTP_PORT);
    return () => child.kill('SIGKILL');
  },
};

/** Gbit/s of one stream from the client. */
function measureStream(target: string): number {
  const args = ['-c', target, '-p', `${IPERF_PORT}`, '-t', `${SECONDS}`, '-J'];
  const report: { error?: string; end: { sum_received?: { bits_per_second: number } } } =
    JSON.parse(run(host.client, 'iperf3', args));
  if (report.end.sum_received === undefined) throw new Error(`iperf3: ${report.error}`);
  return report.end.sum_received.bits_per_second / 1e9;
}

/** Requests per second, each on its own connection. */
function measureConnections(target: string): number {
  const url = `http://${target}:${HTTP_PORT}/`;
  const args = ['-t1', '-c32', `-d${SECONDS}s`, '-H', 'Connection: close', url];
  const output = run(host.client, 'wrk', args);
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(output)?.[1];
  const errors = /Socket errors: .*/.exec(output)?.[0];
  if (errors !== undefined) console.error(`${target}: ${errors}`);
  return Number(rate ?? 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** nginx and iperf3 in the backend's namespace; the VIP on the balancer, for HAProxy. */
async function prepare(): Promise<void> {
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1;
     events { worker_connections 4096; }
     http { access_log off; server { listen ${HTTP_PORT} backlog=4096; return 200 "ok\\n"; } }`,
  );
  background(host.backend, 'nginx', ['-c', config, '-p', folder]);
  background(host.backend, 'iperf3', ['-s', '-p', `${IPERF_PORT}`]);
  for (const namespace of [host.client, host.namespace]) {
    namespace.run(() => {
      writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '1024 65535');
    });
  }
  host.namespace.run(() => {
    const socket = RouteSocket.open();
    const { ifindex } = findLink(socket, 'lo')!;
    changeLink(socket, ifindex, { up: true });
    addAddress(socket, { ifindex, address: VIP, prefixLength: 32 });
    socket.close();
  });
  await untilOpen(host.client, BACKEND, HTTP_PORT);
  await untilOpen(host.client, BACKEND, IPERF_PORT);
}

const subjects = [forwarding, nftables, balancer, haproxy];
const streams = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
const connections = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
try {
  await prepare();
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[(i + round) % subjects.length]!;
      const stop = await subject.start();
      streams.get(subject.name)!.push(measureStream(subject.target));
      connections.get(subject.name)!.push(measureConnections(subject.target));
      stop();
    }
  }
} finally {
  for (const server of servers) server.kill('SIGKILL');
  host.close();
  rmSync(folder, { recursive: true, force: true });
}

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} rounds`,
);
const kernel = { stream: streams.get(nftables.name)!, rate: connections.get(nftables.name)! };
const bound = { stream: streams.get(forwarding.name)!, rate: connections.get(forwarding.name)! };
/** Median over the rounds of the ratio to another subject in the same round. */
const ratio = (values: readonly number[], to: readonly number[]): string =>
  median(values.map((value, i) => value / to[i]!)).toFixed(2);
console.log(`${''.padEnd(22)} Gbit/s  x nft  x fwd   conn/s  x nft  x fwd`);
for (const { name } of subjects) {
  const stream = streams.get(name)!;
  const rate = connections.get(name)!;
  const columns = [
    name.padEnd(22),
    median(stream).toFixed(1).padStart(6),
    ratio(stream, kernel.stream).padStart(6),
    ratio(stream, bound.stream).padStart(6),
    median(rate).toFixed(0).padStart(8),
    ratio(rate, kernel.rate).padStart(6),
    ratio(rate, bound.rate).padStart(6),
  ];
  console.log(columns.join(' '));
}
for (const { name } of subjects) {
  const text = (values: readonly number[], digits: number): string =>
    values.map((value) => value.toFixed(digits)).join(' ');
  console.log(
    `${name}: ${text(streams.get(name)!, 1)} Gbit/s; ${text(connections.get(name)!, 0)} conn/s`,
  );
}
