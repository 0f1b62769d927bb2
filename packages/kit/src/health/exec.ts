/**
 * Health check by the exit code of a program.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Address } from '../config/address.ts';
import { errnoName, messageOf } from '../errors.ts';
import type { ExecCheck } from './check.ts';
import { CheckFailure, CheckSpecError, type Probe } from './probe.ts';

/** @throws {CheckSpecError} if `command` is empty or its program is not an absolute path. */
export function createExecProbe(spec: ExecCheck): Probe {
  const [program, ...args] = readCommand(spec.command);
  const env = environmentOf(spec.target);
  return async (signal) => {
    const failure = failureOf(await exitOf({ program, args, env }, signal));
    if (failure !== undefined) throw new CheckFailure(failure);
  };
}

/**
 * A program and its arguments.
 *
 * @throws {CheckSpecError} It is empty, or its program is not an absolute path.
 */
export function readCommand(command: readonly string[]): readonly [string, ...string[]] {
  const [program, ...args] = command;
  if (program?.startsWith('/') === true) return [program, ...args];
  throw new CheckSpecError(
    `must start with the absolute path of a program; got ${JSON.stringify(program ?? '')}`,
  );
}

/** How a program ended: by itself, or by a signal. */
interface Exit {
  readonly code: number | null;
  readonly signalName: string | null;
}

/**
 * Runs a program to its end, without a shell and without input or output. When `signal` aborts the
 * program and what it started are killed.
 *
 * @throws {CheckFailure} The program cannot be run.
 */
export async function exitOf(
  { program, args, env }: ProgramRun,
  signal: AbortSignal,
): Promise<Exit> {
  // A process group of its own, so that a time-out reaches what the program started.
  const child = spawn(program, args, { env, stdio: 'ignore', shell: false, detached: true });
  const kill = (): void => killGroup(child);
  signal.addEventListener('abort', kill, { once: true });
  try {
    const exit = await endOf(child, program);
    signal.throwIfAborted();
    return exit;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

interface ProgramRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function failureOf({ code, signalName }: Exit): string | undefined {
  if (code === 0) return undefined;
  return code === null ? `killed by ${signalName}` : `exit code ${code}`;
}

function environmentOf(target: Address): Record<string, string> {
  return target.kind === 'inet'
    ? { HOST: target.host, PORT: String(target.port) }
    : { HOST: target.path, PORT: '0' };
}

function endOf(child: ChildProcess, program: string): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new CheckFailure(`cannot run ${program}: ${errnoName(error) ?? messageOf(error)}`)),
    );
    child.once('exit', (code, signalName) => resolve({ code, signalName }));
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
