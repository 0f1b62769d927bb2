/**
 * A load client: asks again and again over new connections, and notes every answer and failure.
 *
 * @module
 */
import { connect } from 'node:net';

/** One request. */
export interface Exchange {
  /** When the connection was begun, on the clock of `performance.now()`. */
  readonly startedAtMs: number;
  /** Body of the answer; `undefined` when it failed. */
  readonly body: string | undefined;
}

export class LoadClient {
  readonly exchanges: Exchange[] = [];
  private readonly port: number;
  private isRunning = true;
  private readonly workers: readonly Promise<void>[];

  /** Starts asking at once, with so many connections at a time. */
  constructor(port: number, concurrency: number) {
    this.port = port;
    this.workers = Array.from({ length: concurrency }, () => this.work());
  }

  /** Stops asking and waits for the answers that are due. */
  async stop(): Promise<void> {
    this.isRunning = false;
    await Promise.all(this.workers);
  }

  private async work(): Promise<void> {
    while (this.isRunning) {
      const startedAtMs = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- one request after the other
      this.exchanges.push({ startedAtMs, body: await request(this.port) });
    }
  }
}

/** One HTTP request on a connection of its own. */
function request(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.setNoDelay(true);
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.on('end', () => resolve(bodyOf(answer)));
    socket.on('error', () => resolve(undefined));
  });
}

/** Body of a complete answer with status 200. */
function bodyOf(answer: string): string | undefined {
  const [, length, body] =
    /^HTTP\/1\.1 200 .*?content-length: (\d+)\r\n.*?\r\n\r\n(.*)$/is.exec(answer) ?? [];
  return body !== undefined && body.length === Number(length) ? body : undefined;
}
