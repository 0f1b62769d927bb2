/**
 * Runs an example: starts a small web server for every server that the file names, the load
 * balancer in front of them, asks eight times and prints who answered.
 *
 *     npm run example weights
 *
 * Ports of the file are replaced by free ones, so that an example never collides with anything.
 *
 * @module
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Address, silentLogger } from '@balancer/kit';
import { LoadBalancer, type LoadBalancerConfig, parseLoadBalancerConfig } from '@balancer/lb';
import { ProxyPlane } from '@balancer/proxy';

/** @param name - A file of this folder without `.toml`. @returns Who answered, in order. */
export async function runExample(name: string): Promise<string> {
  const file = new URL(`${name}.toml`, import.meta.url);
  const { config } = parseLoadBalancerConfig(await readFile(file, 'utf8'), `${name}.toml`);
  const servers = new Map<string, Server>();
  for (const backend of Object.values(config.backends)) {
    // oxlint-disable-next-line no-await-in-loop -- a handful
    for (const server of Object.keys(backend.servers)) servers.set(server, await serve(server));
  }
  const loadBalancer = new LoadBalancer({
    config: withFreePorts(config, servers),
    planes: [new ProxyPlane({ logger: silentLogger })],
    logger: silentLogger,
  });
  await loadBalancer.start();
  const [frontend] = loadBalancer.frontends.values();
  const port = Number(frontend!.listening[0]!.split(':').at(-1));
  const answers: string[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
  for (let i = 0; i < 8; i++) answers.push(await ask(port));
  await loadBalancer.stop();
  for (const server of servers.values()) server.close();
  return answers.join(' ');
}

/** A web server that answers with its name, and is not well when it is called `broken`. */
async function serve(name: string): Promise<Server> {
  const server = createServer((request, response) => {
    const isSick = name === 'broken' && request.url === '/health';
    response.writeHead(isSick ? 503 : 200, { connection: 'close' }).end(name);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function withFreePorts(
  config: LoadBalancerConfig,
  servers: ReadonlyMap<string, Server>,
): LoadBalancerConfig {
  const local = (port: number): Address => ({ kind: 'inet', host: '127.0.0.1', port });
  const map = <T>(table: Readonly<Record<string, T>>, change: (value: T, name: string) => T) =>
    Object.fromEntries(Object.entries(table).map(([name, value]) => [name, change(value, name)]));
  return {
    ...config,
    frontends: map(config.frontends, (frontend) => ({ ...frontend, listen_addr: [local(0)] })),
    backends: map(config.backends, (backend) => ({
      ...backend,
      servers: map(backend.servers, (server, name) => ({
        ...server,
        addr: local((servers.get(name)!.address() as AddressInfo).port),
      })),
    })),
  };
}

/** Asks over a new connection. @returns The name of the server, or how the connection failed. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.on('end', () => resolve(answer.split('\r\n\r\n')[1] ?? ''));
    socket.on('error', () => resolve('(reset)'));
  });
}

const [, script, name] = process.argv;
if (script !== undefined && import.meta.url.endsWith(script.split('/').at(-1)!) && name) {
  process.stdout.write(`${await runExample(name)}\n`);
}
