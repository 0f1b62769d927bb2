/**
 * What the tests of the command share: runs in this process with captured output, and runs as a
 * process of its own.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Statistics } from '@balancer/lb';
import type { Io } from '../src/io.ts';
import { main } from '../src/program.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Longest silence of a process that is waited for; only one that hangs gets there. */
const SAYS_MS = 60_000;

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command that ends by itself, without a process of its own. */
export async function runHere(...args: readonly string[]): Promise<Captured> {
  return runWith(new PassThrough(), args);
}

/** Like {@link runHere}, with something to read. */
export async function runHereWith(input: string, ...args: readonly string[]): Promise<Captured> {
  const stdin = new PassThrough();
  stdin.end(input);
  return runWith(stdin, args);
}

async function runWith(stdin: PassThrough, args: readonly string[]): Promise<Captured> {
  const output = { stdout: '', stderr: '' };
  const io: Io = {
    stdout: { write: (text) => void (output.stdout += text) },
    stderr: { write: (text) => void (output.stderr += text) },
    stdin: stdin as unknown as NodeJS.ReadStream,
    environment: {},
    signals: new EventEmitter(),
  };
  const code = await main(args, io);
  return { code, ...output };
}

/** Interpreter and arguments of a command that runs from the sources. */
export function balancerCommand(...args: readonly string[]): readonly string[] {
  return [process.execPath, ...FROM_SOURCES, MAIN, ...args];
}

const FROM_SOURCES = ['--conditions=balancer-source', '--import', import.meta.resolve('tsx')];

/** A running command. */
export interface Running {
  readonly child: ChildProcess;
  /** What it wrote so far. */
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  /** Waits until what it wrote to either stream matches. */
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** Sends a signal, if any, and waits for the exit code. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** Starts the command from the sources, with its input not a terminal. */
export function startProcess(...args: readonly string[]): Running {
  return startProcessWith({}, ...args);
}

export interface ProcessSettings {
  /** Options of the interpreter. */
  readonly nodeOptions?: readonly string[];
  /** Soft and hard limit of open files. */
  readonly descriptorsMax?: number;
  /** Variables on top of this process's. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Like {@link startProcess}, under settings of its own. */
export function startProcessWith(
  { nodeOptions = [], descriptorsMax, environment = {} }: ProcessSettings,
  ...args: readonly string[]
): Running {
  const command = [process.execPath, ...nodeOptions, ...FROM_SOURCES, MAIN, ...args];
  const limit = descriptorsMax === undefined ? '' : `ulimit -n ${descriptorsMax}; `;
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const news = new EventEmitter();
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
    news.emit('news');
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
    news.emit('news');
  });
  let isOver = false;
  const over = endOf(child).then((code) => {
    isOver = true;
    news.emit('news');
    return code;
  });
  return {
    child,
    output: () => ({ stdout, stderr }),
    says: async (pattern) => {
      for (;;) {
        const match = pattern.exec(stdout) ?? pattern.exec(stderr);
        if (match) return match;
        if (isOver) throw new Error(`it ended without ${pattern}:\n${stderr}`);
        // oxlint-disable-next-line no-await-in-loop -- output comes in pieces
        await once(news, 'news', { signal: AbortSignal.timeout(SAYS_MS) }).catch(
          (cause: unknown) => {
            throw new Error(`it never said ${pattern}:\n${stderr}`, { cause });
          },
        );
      }
    },
    end: async (signal) => {
      if (signal) child.kill(signal);
      return over;
    },
  };
}

/**
 * Waits until a process has ended and all that it wrote is read. Its streams need not close: another
 * process that took over from it may have them too.
 *
 * @returns Its exit code; `null` when a signal ended it.
 */
async function endOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'exit')) as [number | null];
  // What is in a pipe by now is read in the next turn of the event loop.
  await nextTurn();
  await nextTurn();
  return code;
}

/** A load balancer that serves a file with an admin listener. */
export interface Serving {
  readonly running: Running;
  readonly file: string;
  readonly statistics: () => Promise<Statistics>;
  /** Ends whoever serves now, which need not be the process that was started, and removes the file. */
  readonly end: () => Promise<void>;
}

/** Starts the load balancer on a configuration whose `[stats]` listens at `admin`. */
export async function startServing(config: string, admin: string): Promise<Serving> {
  const { file, remove } = await temporaryFile('config.toml', config);
  const running = startProcess('run', file);
  const statistics = async (): Promise<Statistics> =>
    (await (await fetch(`http://${admin}/stats.json`)).json()) as Statistics;
  const end = async (): Promise<void> => {
    const pid = await statistics().then(
      (document) => document.process.pid,
      () => undefined,
    );
    if (pid !== undefined && pid !== running.child.pid) process.kill(pid, 'SIGKILL');
    await running.end('SIGKILL');
    await remove();
  };
  return { running, file, statistics, end };
}

/** A folder with one file; both are gone after `remove`. */
export async function temporaryFile(
  name: string,
  text: string,
): Promise<{ readonly file: string; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-cli-'));
  const file = join(folder, name);
  await writeFile(file, text);
  return { file, remove: () => rm(folder, { recursive: true }) };
}

/** After so long a condition counts as hung. Far above what any step takes, below the limit of a test. */
const HANG_MS = 60_000;

/** Waits for a condition, and fails with its text when it hangs: a slow machine is no failure. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + HANG_MS;
  // oxlint-disable-next-line no-await-in-loop -- polling
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
