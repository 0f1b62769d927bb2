/**
 * A gateway for tests of the command: its data in a folder of its own, a fake server beside it, and
 * commands that run in this process.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type ArchiveOptions, buildArchive, FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { main } from '../src/program.ts';
import { type Captured, type Running, startProcessWith } from './support.ts';

export const SECRET = 'front-end-secret';

/** A gateway that runs. */
export interface StartedGateway {
  readonly running: Running;
  readonly origin: string;
}

export class GatewayFixture {
  readonly folder: string;
  readonly fake: FakeBbb;
  /** Of the commands and of gateways that are started. */
  readonly environment: Record<string, string>;
  readonly #started: Running[] = [];

  private constructor(folder: string, fake: FakeBbb) {
    this.folder = folder;
    this.fake = fake;
    this.environment = {
      BALANCER_BBB_DATA_DIR: folder,
      BALANCER_BBB_BIND: '127.0.0.1',
      BALANCER_BBB_PORT: '0',
      BALANCER_BBB_ADMIN_PORT: '0',
      // A machine that stalls must not take the server for dead.
      BALANCER_BBB_CONNECT_TIMEOUT: '300s',
      BALANCER_BBB_RESPONSE_TIMEOUT: '300s',
      BALANCER_BBB_RECORDINGS_IMPORT_POLL_INTERVAL: '100ms',
      BALANCER_BBB_RECORDINGS_IMPORT_SETTLE_SECONDS: '0.05',
      LOADBALANCER_SECRET: SECRET,
    };
  }

  static async open(): Promise<GatewayFixture> {
    const folder = mkdtempSync(join(tmpdir(), 'balancer-cli-gateway-'));
    return new GatewayFixture(folder, await FakeBbb.start());
  }

  /** Below the recordings of embedded storage. */
  recordings(...names: string[]): string {
    return join(this.folder, 'recordings', ...names);
  }

  /** Runs a command of the gateway in this process. */
  async bbb(...args: readonly string[]): Promise<Captured> {
    const output = { stdout: '', stderr: '' };
    const stdin = new PassThrough();
    stdin.end();
    const code = await main(['bbb', ...args], {
      stdout: { write: (text) => void (output.stdout += text) },
      stderr: { write: (text) => void (output.stderr += text) },
      stdin: stdin as unknown as NodeJS.ReadStream,
      environment: this.environment,
      signals: new EventEmitter(),
    });
    return { code, ...output };
  }

  /** Starts a gateway as a process of its own. */
  async start(): Promise<StartedGateway> {
    const running = startProcessWith({ environment: this.environment }, 'bbb', 'run');
    this.#started.push(running);
    const [, port] = await running.says(/"publicPort":(\d+)/);
    return { running, origin: `http://127.0.0.1:${port}` };
  }

  /** A signed call of the API. */
  async call(origin: string, name: string, query: string): Promise<string> {
    const signed = signedQuery({ call: name, query, secret: SECRET });
    return (await fetch(`${origin}/bigbluebutton/api/${name}?${signed}`)).text();
  }

  /** Leaves an archive in the spool, whole at once. */
  spool(recordId: string, options: Partial<ArchiveOptions> = {}): void {
    const { fileName, content } = buildArchive({ recordId, meetingId: 'room-1', ...options });
    mkdirSync(this.recordings('spool'), { recursive: true });
    writeFileSync(this.recordings('spool', `.${fileName}`), content);
    const [hidden, visible] = [`.${fileName}`, fileName].map((name) =>
      this.recordings('spool', name),
    );
    execFileSync('mv', [hidden!, visible!]);
  }

  async close(): Promise<void> {
    for (const running of this.#started) await running.end('SIGKILL');
    await this.fake.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Names in a folder; none if there is no such folder. */
export function namesIn(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
