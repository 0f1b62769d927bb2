/**
 * What the tests of the relay share: servers that do one thing, a balancer in front of them, and
 * promises for what sockets do.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer,
  type Server as NetServer,
  Socket,
} from 'node:net';
import { silentLogger } from '@balancer/kit';
import { onTestFinished, vi } from 'vitest';
import { type ConnectionRecord, LoadBalancer, parseLoadBalancerConfig } from '@balancer/lb';
import { ProxyPlane, type ProxyPlaneOptions } from '../src/plane.ts';
import { reset } from '../src/sockets.ts';

/** A TCP server on a port of its own. */
export interface Upstream {
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Connections accepted so far. */
  readonly accepted: () => number;
  /** Connections open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Stops listening and resets what is open. */
  readonly close: () => Promise<void>;
}

export async function startUpstream(
  onConnection: (socket: Socket) => void,
  listen: { readonly port?: number; readonly host?: string; readonly path?: string } = {},
): Promise<Upstream> {
  const sockets = new Set<Socket>();
  let acceptedCount = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    acceptedCount++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  const host = listen.host ?? '127.0.0.1';
  server.listen(
    listen.path === undefined ? { port: listen.port ?? 0, host } : { path: listen.path },
  );
  await once(server, 'listening');
  const bound = server.address() as AddressInfo | string;
  const port = typeof bound === 'string' ? 0 : bound.port;
  return {
    port,
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    accepted: () => acceptedCount,
    sockets,
    close: () => closeServer(server, sockets),
  };
}

async function closeServer(server: NetServer, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) reset(socket);
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  await closed;
}

/** A server that greets with its name, so that a client knows where it came out. */
export function startNamed(name: string, port = 0): Promise<Upstream> {
  return startUpstream((socket) => socket.end(name), { port });
}

/** A server that sends back what it gets, and its FIN after the client's. */
export function startEcho(): Promise<Upstream> {
  return startUpstream((socket) => socket.pipe(socket));
}

/**
 * An address where connects hang: a process that is stopped and whose queue of connections is full,
 * so that the kernel drops further ones.
 */
export async function startUnanswering(): Promise<Pick<Upstream, 'address' | 'close'>> {
  const script = `const s = require('net').createServer();
    s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(output.toString());
  child.kill('SIGSTOP');
  // One more than the queue holds: the last of them is the first that hangs.
  const fillers = Array.from({ length: 3 }, () => connect({ port, host: '127.0.0.1' }));
  for (const filler of fillers) filler.on('error', () => {});
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  return {
    address: `127.0.0.1:${port}`,
    close: async () => {
      for (const filler of fillers) filler.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export interface RunningBalancer {
  readonly loadBalancer: LoadBalancer;
  readonly plane: ProxyPlane;
  /** Port of the first address of a frontend. */
  readonly port: (frontend?: string) => number;
  readonly records: ConnectionRecord[];
  /** The record of the first connection, once it has ended. */
  readonly record: () => Promise<ConnectionRecord>;
  readonly apply: (toml: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Runs the load balancer on a configuration text. */
export async function startBalancer(
  toml: string,
  planeOptions: Partial<ProxyPlaneOptions> = {},
): Promise<RunningBalancer> {
  const records: ConnectionRecord[] = [];
  const plane = new ProxyPlane({
    logger: silentLogger,
    onRecord: (record) => void records.push(record),
    ...planeOptions,
  });
  const { config } = parseLoadBalancerConfig(toml, 'test.toml');
  const loadBalancer = new LoadBalancer({ config, planes: [plane], logger: silentLogger });
  await loadBalancer.start();
  return {
    loadBalancer,
    plane,
    port: (name = 'in') => portOf(loadBalancer, name),
    records,
    record: async () => {
      await until('a connection ends', () => records.length > 0);
      return records[0]!;
    },
    apply: (text) => loadBalancer.apply(parseLoadBalancerConfig(text, 'test.toml').config),
    stop: () => loadBalancer.stop(),
  };
}

function portOf(loadBalancer: LoadBalancer, name: string): number {
  const address = loadBalancer.frontends.get(name)?.listening[0];
  if (address === undefined) throw new Error(`frontend ${name} does not listen`);
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/**
 * A configuration with one frontend `in` and one backend `out`.
 *
 * @param servers - Address, or address and further keys, of each server `s0`, `s1`, ...
 */
export function configOf(options: {
  readonly servers: readonly (string | { readonly addr: string; readonly keys: string })[];
  readonly frontend?: string;
  readonly backend?: string;
  readonly listen?: string;
  readonly global?: string;
}): string {
  const servers = options.servers.map((server, index) => {
    const { addr, keys } = typeof server === 'string' ? { addr: server, keys: '' } : server;
    return `[backends.out.servers.s${index}]\naddr = "${addr}"\n${keys}`;
  });
  return `[global]
${options.global ?? ''}
[frontends.in]
listen_addr = ${options.listen ?? '"127.0.0.1:0"'}
backend = "out"
${options.frontend ?? ''}
[backends.out]
health_check_interval = 0
${options.backend ?? ''}
${servers.join('\n')}
`;
}

/** Connects; the socket can half-close, and errors are only seen by those who wait for them. */
export async function dialTo(
  port: number,
  host = '127.0.0.1',
  localAddress?: string,
): Promise<Socket> {
  const from = localAddress === undefined ? {} : { localAddress };
  const socket = connect({ port, host, allowHalfOpen: true, ...from });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** How a socket ended: all it received, and whether by FIN or by an error. */
export interface Ending {
  readonly received: Buffer;
  /** `fin`, or the name of the error. */
  readonly how: string;
}

/** Reads until the peer is done. */
export function ending(socket: Socket): Promise<Ending> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const done = (how: string): void => resolve({ received: Buffer.concat(chunks), how });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => done('fin'));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.on('close', () => done('close'));
  });
}

/** Connects, says nothing, and reads to the end. */
export async function fetchAll(port: number, host = '127.0.0.1'): Promise<Ending> {
  const socket = connect({ port, host });
  const result = await ending(socket);
  socket.destroy();
  return result;
}

/** Names of the servers that answer so many connections, one after the other. */
export async function whoAnswers(port: number, count: number): Promise<string> {
  let names = '';
  for (let i = 0; i < count; i++) {
    // oxlint-disable-next-line no-await-in-loop -- the order is what is asked for
    names += (await fetchAll(port)).received.toString();
  }
  return names;
}

/** Waits until something accepts connections at a port. */
export async function listening(port: number): Promise<void> {
  let answers = false;
  const probe = (): void => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      answers = true;
      socket.destroy();
    });
    socket.on('error', () => setTimeout(probe, 20));
  };
  probe();
  await until(`something listens on port ${port}`, () => answers);
}

/** After so long a condition counts as hung. Far above what any step takes, below the limit of a test. */
const HANG_MS = 60_000;

/** The clock and the timers of the machine, also while a test moves time by hand. */
const realNowMs = performance.now.bind(performance);
const realSetTimeout = setTimeout;

/** Waits for a condition, and fails with its text when it hangs: a slow machine is no failure. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = realNowMs() + HANG_MS;
  while (!condition()) {
    if (realNowMs() > deadline) throw new Error(`never happened: ${what}`);
    // oxlint-disable-next-line no-await-in-loop -- polling
    await new Promise((resolve) => realSetTimeout(resolve, 5));
  }
}

/**
 * Stops the time of this process for the rest of the test; the sockets go on. Everything of ours that tells the time does so by
 * what is replaced here.
 */
export function holdTime(): HeldTime {
  vi.useFakeTimers({
    toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  });
  onTestFinished(() => void vi.useRealTimers());
  return {
    advance: async (ms) => {
      vi.advanceTimersByTime(ms);
      // The wheel turns after a round of I/O, and a coarse clock that ran before ticks on by itself,
      // every millisecond.
      await new Promise((resolve) => realSetTimeout(resolve, 5));
    },
  };
}

interface HeldTime {
  /** Lets so much time pass, and what is due by then happen. */
  readonly advance: (ms: number) => Promise<void>;
}
