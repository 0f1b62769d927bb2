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
  const [program, ...args] = spec.command;
  if (program === undefined || !program.startsWith('/')) {
    throw new CheckSpecError(
      `command must start with the absolute path of a program; got ${JSON.stringify(program ?? '')}`,
    );
  }
  const env = environmentOf(spec.target);
  return async (signal) => {
    // A process group of its own, so that a time-out reaches what the program started.
    const child = spawn(program, args, { env, stdio: 'ignore', shell: false, detached: true });
    const kill = (): void => killGroup(child);
    signal.addEventListener('abort', kill, { once: true });
    try {
      await exitOf(child, program);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', kill);
    }
  };
}

function environmentOf(target: Address): Record<string, string> {
  return target.kind === 'inet'
    ? { HOST: target.host, PORT: String(target.port) }
    : { HOST: target.path, PORT: '0' };
}

function exitOf(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new CheckFailure(`cannot run ${program}: ${errnoName(error) ?? messageOf(error)}`)),
    );
    child.once('exit', (code, signalName) => {
      if (code === 0) resolve();
      else
        reject(new CheckFailure(code === null ? `killed by ${signalName}` : `exit code ${code}`));
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
