/**
 * The side-by-side configurations of a migration guide, and the world that both programs are put
 * into: servers that say their names, on ports of their own.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@balancer/kit';
import { commandPath, NGINX_STREAM_MODULE } from '../../../../scripts/system-requirements.ts';
import { startProcess } from '../support.ts';

export type Peer = 'nginx' | 'haproxy';

/** One section of a guide: what the peer's file says, and ours. */
export interface Pair {
  readonly title: string;
  readonly peer: string;
  readonly toml: string;
}

const GUIDES: Readonly<Record<Peer, string>> = {
  nginx: 'nginx-stream.md',
  haproxy: 'haproxy-tcp.md',
};

/** All pairs of a guide, in order. */
export function pairsOf(peer: Peer): Pair[] {
  const url = new URL(`../../../../docs/migration/${GUIDES[peer]}`, import.meta.url);
  const sections = readFileSync(fileURLToPath(url), 'utf8').split(/^## /m).slice(1);
  return sections.flatMap((section) => {
    const blockOf = (language: string): string | undefined =>
      new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(section)?.[1];
    const [theirs, toml] = [blockOf(peer), blockOf('toml')];
    if (theirs === undefined || toml === undefined) return [];
    return [{ title: section.split('\n')[0]!, peer: theirs, toml }];
  });
}

/** Something that runs, and how it ends. */
export interface Running {
  readonly stop: () => Promise<unknown>;
}

/** Three servers, as the guides number them: 10.0.0.1 is the first. */
export interface World {
  readonly servers: readonly NamedServer[];
  readonly stop: () => Promise<unknown>;
}

export async function startWorld(): Promise<World> {
  const servers = await Promise.all(['1', '2', '3'].map((name) => NamedServer.start(name)));
  return { servers, stop: () => Promise.all(servers.map((server) => server.stop())) };
}

/** Answers the first bytes with its name and what it was sent, and hangs up. */
export class NamedServer {
  readonly port: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server, name: string) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
      socket.once('end', () => socket.end());
      socket.once('data', (bytes) => {
        const answer = (): unknown => socket.end(`${name} ${bytes.toString('latin1')}`);
        // A question that asks for it is answered only after the client has said its last word.
        if (String(bytes).includes(AFTER_END)) socket.prependOnceListener('end', answer);
        else answer();
      });
    });
  }

  static async start(name: string): Promise<NamedServer> {
    const server = createServer({ allowHalfOpen: true });
    // Its port is to stay free once it has stopped.
    server.listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    return new NamedServer(server, name);
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** A question that is answered only after the client's FIN. */
export const AFTER_END = 'after-end';

/** Writes the ports of the world into a file of the guide, and checks often. */
export function settle(text: string, world: World, port: number): string {
  return text
    .replaceAll('0.0.0.0:3000', `127.0.0.1:${port}`)
    .replaceAll(/10\.0\.0\.(\d):8080/g, (_, n) => `127.0.0.1:${world.servers[Number(n) - 1]!.port}`)
    .replace('inter 3s', 'inter 200ms')
    .replace('health_check_interval = 3', 'health_check_interval = "200ms"');
}

/** Runs our file until it is served. */
export async function runBalancer(toml: string): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-migration-'));
  const file = join(folder, 'balancer.toml');
  await writeFile(file, toml);
  const running = startProcess('run', file);
  const stop = async (): Promise<void> => {
    await running.end('SIGKILL');
    await rm(folder, { recursive: true });
  };
  await running.says(/"msg":"ready"/).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { stop };
}

const WRAP: Readonly<Record<Peer, (text: string, folder: string) => string>> = {
  haproxy: (text) => `global\n    maxconn 1000\n${text}`,
  nginx: (text, folder) => `load_module ${NGINX_STREAM_MODULE};
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 512; }
stream {
${text}
}
`,
};

/** Runs the peer's file until somebody can connect, or until it says what is wrong with it. */
export async function runPeer(peer: Peer, text: string, port: number): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-migration-'));
  const file = join(folder, 'peer.conf');
  await writeFile(file, WRAP[peer](text, folder));
  const args = { nginx: ['-p', folder, '-e', 'stderr', '-c', file], haproxy: ['-db', '-f', file] };
  const child = spawn(commandPath(peer)!, args[peer], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => (complaint += String(chunk)));
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true });
  };
  const isUdp = / udp;/.test(text);
  while (!isUdp && !(await canConnect(port))) {
    if (child.exitCode === null) continue;
    await stop();
    throw new Error(complaint);
  }
  return { stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true));
    socket.on('connect', () => socket.destroy());
    socket.on('error', () => setTimeout(() => resolve(false), 20));
  });
}
