/** Real HTTP servers for the tests of the HTTP adapters. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface TestServer {
  readonly origin: string;
  readonly server: Server;
  /** How many requests have arrived. */
  readonly requestCount: number;
  /** Breaks all connections and refuses new ones, as a killed process does. */
  kill(): Promise<void>;
}

/** Starts a server on a free port; it ends with the test. */
export async function startServer(listener: RequestListener): Promise<TestServer> {
  let requestCount = 0;
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requestCount++;
    listener(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kill = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => void server.close(resolve));
    // Upgraded sockets are not the server's any more, so it cannot close them itself.
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  onTestFinished(kill);
  return {
    origin: `http://127.0.0.1:${port}`,
    server,
    kill,
    get requestCount() {
      return requestCount;
    },
  };
}

/** What a server saw of a request. */
export interface Seen {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string;
}

/** Answers with what the server saw. */
export const echo: RequestListener = (request, response) => void answerEcho(request, response);

async function answerEcho(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const seen = await describeRequest(request);
  response.setHeader('content-type', 'application/json');
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(JSON.stringify(seen));
}

async function describeRequest(request: IncomingMessage): Promise<Seen> {
  return {
    url: request.url!,
    method: request.method!,
    headers: request.headers as Record<string, string>,
    body: await text(request),
  };
}
