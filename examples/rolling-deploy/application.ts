/**
 * The application that is deployed: a web server that takes its time and says its version.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** How long an answer takes, so that there is always something to wait for. */
const ANSWER_MS = 40;

export async function startApplication(version: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    if (request.url === '/health') response.end('well');
    else setTimeout(() => response.end(version), ANSWER_MS);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Ends at once, as a process does: whoever is being served has bad luck. */
export async function stopApplication(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** What a group of clients got. */
export interface Answers {
  /** Answers by version. */
  readonly byVersion: ReadonlyMap<string, number>;
  /** Why requests failed. */
  readonly failures: readonly string[];
}

/** Clients that ask one request after the other, each over a connection of its own. */
export class Clients {
  private readonly port: number;
  private readonly byVersion = new Map<string, number>();
  private readonly failures: string[] = [];
  private readonly loops: Promise<void>[];
  private isStopping = false;

  constructor(port: number, count: number) {
    this.port = port;
    this.loops = Array.from({ length: count }, () => this.loop());
  }

  /** Lets every client have its last answer. */
  async stop(): Promise<Answers> {
    this.isStopping = true;
    await Promise.all(this.loops);
    return { byVersion: this.byVersion, failures: this.failures };
  }

  private async loop(): Promise<void> {
    while (!this.isStopping) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const version = await ask(this.port);
        this.byVersion.set(version, (this.byVersion.get(version) ?? 0) + 1);
      } catch (error) {
        this.failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('error', reject);
    socket.on('end', () => {
      const body = text.split('\r\n\r\n')[1];
      if (body === undefined || body === '') reject(new Error('an answer without an end'));
      else resolve(body);
      socket.end();
    });
  });
}
