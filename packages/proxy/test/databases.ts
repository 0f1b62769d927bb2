/**
 * Database servers behind the balancer, each in a folder of its own.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@balancer/kit';
import { commandPath } from '../../../scripts/system-requirements.ts';
import { listening, until } from './support.ts';

const run = promisify(execFile);

/** User and group for servers that refuse to run as root. */
const NOBODY = 65_534;

export interface Database {
  readonly address: string;
  readonly stop: () => Promise<void>;
}

/** A PostgreSQL server with the superuser `balancer` and no password. */
export async function startPostgresql(): Promise<Database> {
  const identity = userInfo().uid === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const folder = await mkdtemp(join(tmpdir(), 'balancer-pg-'));
  if (identity.uid !== undefined) await chown(folder, NOBODY, NOBODY);
  await chmod(folder, 0o700);
  const environment = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  const settings = { ...identity, cwd: folder, env: environment };
  const data = join(folder, 'data');
  const options = ['-D', data, '-U', 'balancer', '-A', 'trust', '--no-sync', '-E', 'UTF8'];
  await run(commandPath('initdb')!, options, settings);
  const port = await freePort();
  const child = spawn(
    commandPath('postgres')!,
    ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder, '-c', 'fsync=off'],
    { ...settings, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await says(child, 'ready to accept connections');
  // An immediate stop: there is nothing to keep.
  return { address: `127.0.0.1:${port}`, stop: () => end(child, { signal: 'SIGQUIT', folder }) };
}

/** A Redis server that keeps nothing. */
export async function startRedis(): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-redis-'));
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const child = spawn(commandPath('redis-server')!, options, { stdio: 'ignore' });
  await listening(port);
  return { address: `127.0.0.1:${port}`, stop: () => end(child, { signal: 'SIGTERM', folder }) };
}

/** Waits for a message of a server: one that listens may not answer yet. */
async function says(child: ChildProcess, message: string): Promise<void> {
  let said = '';
  child.stderr!.on('data', (bytes) => (said += String(bytes)));
  await until(`it says "${message}"`, () => {
    if (child.exitCode !== null) throw new Error(`it ended:\n${said}`);
    return said.includes(message);
  });
}

async function end(
  child: ChildProcess,
  { signal, folder }: { readonly signal: NodeJS.Signals; readonly folder: string },
): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  await rm(folder, { recursive: true, force: true });
}
