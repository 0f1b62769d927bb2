/**
 * The three small web servers of the demonstration, which can be stopped and started.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePort } from '@balancer/kit';
import { DEMO_SERVERS, type DemoServerName } from './config.ts';
import { type DemoPageFacts, renderDemoLine, renderDemoPage } from './page.ts';

export class DemoServers {
  private readonly servers = new Map<DemoServerName, Server>();
  private readonly ports = new Map<DemoServerName, number>();
  private readonly answers: Record<DemoServerName, number> = { one: 0, two: 0, three: 0 };
  private readonly statsUrl: () => string;

  /** @param statsUrl - Address of the statistics, known once that listener is bound. */
  constructor(statsUrl: () => string) {
    this.statsUrl = statsUrl;
  }

  /** Starts all of them. @returns Their ports, in order. */
  async startAll(): Promise<readonly number[]> {
    for (const name of DEMO_SERVERS) {
      // Ports that nobody is given as his own while a server is stopped.
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that they differ
      this.ports.set(name, await freePort());
      // oxlint-disable-next-line no-await-in-loop -- as above
      await this.start(name);
    }
    return DEMO_SERVERS.map((name) => this.ports.get(name)!);
  }

  async stopAll(): Promise<void> {
    await Promise.all(DEMO_SERVERS.map((name) => this.stop(name)));
  }

  isRunning(name: DemoServerName): boolean {
    return this.servers.has(name);
  }

  /** Stops a running server or starts a stopped one. @returns Whether it runs now. */
  async toggle(name: DemoServerName): Promise<boolean> {
    if (this.isRunning(name)) await this.stop(name);
    else await this.start(name);
    return this.isRunning(name);
  }

  async start(name: DemoServerName): Promise<void> {
    if (this.isRunning(name)) return;
    const server = createServer((request, response) => this.answer(name, request, response));
    this.servers.set(name, server);
    try {
      server.listen(this.ports.get(name), '127.0.0.1');
      await once(server, 'listening');
    } catch (error) {
      this.servers.delete(name);
      throw error;
    }
  }

  async stop(name: DemoServerName): Promise<void> {
    const server = this.servers.get(name);
    if (!server) return;
    this.servers.delete(name);
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  private answer(name: DemoServerName, request: IncomingMessage, response: ServerResponse): void {
    // A browser would keep its connection and always meet the server it met first.
    response.setHeader('connection', 'close');
    response.setHeader('cache-control', 'no-store');
    const [, action, target] = /^\/(start|stop)\/(\w+)$/.exec(request.url ?? '') ?? [];
    const known = DEMO_SERVERS.find((server) => server === target);
    if (action && known) this.control(action as 'start' | 'stop', known, request, response);
    else if (request.url === '/') this.greet(name, request, response);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
  }

  private greet(name: DemoServerName, request: IncomingMessage, response: ServerResponse): void {
    this.answers[name]++;
    const facts: DemoPageFacts = {
      name,
      answers: this.answers,
      running: {
        one: this.isRunning('one'),
        two: this.isRunning('two'),
        three: this.isRunning('three'),
      },
      statsUrl: this.statsUrl(),
    };
    const wantsPage = request.headers.accept?.includes('text/html') ?? false;
    response.setHeader('content-type', `text/${wantsPage ? 'html' : 'plain'}; charset=utf-8`);
    response.end(wantsPage ? renderDemoPage(facts) : renderDemoLine(facts));
  }

  private control(
    action: 'start' | 'stop',
    target: DemoServerName,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST', 'content-type': 'text/plain' });
      response.end(`curl -X POST ${request.url}\n`);
      return;
    }
    const wantsPage = request.headers.accept?.includes('text/html') ?? false;
    if (wantsPage) response.writeHead(303, { location: '/' });
    else response.setHeader('content-type', 'text/plain');
    // The server may be the one that answers: answer first.
    response.end(
      wantsPage ? '' : `server ${target}: ${action === 'stop' ? 'stopped' : 'started'}\n`,
      () => {
        void this[action](target);
      },
    );
  }
}
