/**
 * A gateway in a process of its own, as the benches drive it, and what they print.
 *
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { signedQuery } from '@balancer/fake-bbb';
import { Pool } from 'undici';
import type { BbbConfig } from '../src/index.ts';

/** What the process is asked for, as JSON in its first argument. */
export interface BenchSetup {
  readonly secret: string;
  /** Servers that are there and online from the start. */
  readonly servers: readonly { readonly url: string; readonly secret: string }[];
  /** Records spread over them. */
  readonly recordCount: number;
  /** Rows of recordings in the index. */
  readonly recordings?: { readonly count: number; readonly perMeeting: number };
  readonly config?: Partial<BbbConfig>;
}

export const SECRET = 'bench-secret';

/** On which the load comes. */
export const CONNECTIONS = 64;

export class BenchGateway {
  readonly #child: ChildProcess;
  readonly pool: Pool;
  /** From the start of its process to its first answer. */
  readonly firstAnswerMs: number;

  private constructor(child: ChildProcess, pool: Pool, firstAnswerMs: number) {
    this.#child = child;
    this.pool = pool;
    this.firstAnswerMs = firstAnswerMs;
  }

  static async start(
    setup: Omit<BenchSetup, 'secret'>,
    { nodeOptions = [] }: { readonly nodeOptions?: readonly string[] } = {},
  ): Promise<BenchGateway> {
    const startMs = performance.now();
    const file = fileURLToPath(new URL('gateway-process.mjs', import.meta.url));
    const child = fork(file, [JSON.stringify({ ...setup, secret: SECRET })], {
      execArgv: [...nodeOptions],
    });
    const [{ publicPort }] = (await once(child, 'message')) as [{ publicPort: number }];
    const pool = new Pool(`http://127.0.0.1:${publicPort}`, { connections: CONNECTIONS });
    const { body } = await pool.request({ method: 'GET', path: '/health_check' });
    if ((await body.text()) !== 'success') throw new Error('the gateway is not well');
    return new BenchGateway(child, pool, performance.now() - startMs);
  }

  async ask<T>(question: 'usage' | 'poll' | 'servers' | 'meetings'): Promise<T> {
    this.#child.send(question);
    const [answer] = (await once(this.#child, 'message')) as [T];
    return answer;
  }

  /** Processor time that the gateway has used so far. */
  async cpuMicros(): Promise<number> {
    const { cpu } = await this.ask<{ cpu: NodeJS.CpuUsage }>('usage');
    return cpu.user + cpu.system;
  }

  async memoryMiB(): Promise<number> {
    return (await this.ask<{ memoryMiB: number }>('usage')).memoryMiB;
  }

  /** The path of a signed call. */
  path(call: string, query: string): string {
    return `/bigbluebutton/api/${call}?${signedQuery({ call, query, secret: SECRET })}`;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const { statusCode, body } = await this.pool.request({ method: 'GET', path });
    return { status: statusCode, text: await body.text() };
  }

  async close(): Promise<void> {
    await this.pool.destroy();
    const exited = once(this.#child, 'exit');
    this.#child.send('close');
    await exited;
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which that share of all values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** Prints a figure, and the aim that the issue of the gateway sets for it. */
export function tell(what: string, figure: string, aim = ''): void {
  process.stdout.write(`${what.padEnd(44)} ${figure}${aim === '' ? '' : `   (aim: ${aim})`}\n`);
}
