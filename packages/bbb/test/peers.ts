/**
 * PostgreSQL and Redis of a test's own: their data in a folder that goes away, on ports that were
 * free. PostgreSQL refuses to run as root and then runs as `postgres`.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@balancer/kit';
import { createClient } from '@redis/client';
import pg from 'pg';
import { until } from './until.ts';

const run = promisify(execFile);

export interface Peer {
  readonly url: string;
  /** Ends the server, keeping its data and its port. */
  stop(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** Ends it for good. */
  close(): Promise<void>;
}

const POSTGRES_VERSIONS = '/usr/lib/postgresql';

/** A PostgreSQL server with an empty database `gateway`. */
export async function startPostgres(): Promise<Peer> {
  const versions = readdirSync(POSTGRES_VERSIONS).toSorted((a, b) => Number(a) - Number(b));
  const bin = join(POSTGRES_VERSIONS, versions.at(-1)!, 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'balancer-postgres-'));
  const user = await unprivilegedUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { cwd: folder, ...user };
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'gateway', '-A', 'trust', '--no-sync'],
    options,
  );
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const settings = ['-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
    const child = spawn(join(bin, 'postgres'), ['-D', data, ...settings, '-c', 'fsync=off'], {
      ...options,
      stdio: 'ignore',
    });
    await until('PostgreSQL answers', () => answersSql(port));
    return child;
  };
  // SIGQUIT: at once, without waiting for clients.
  const peer = await runPeer(start, 'SIGQUIT', folder);
  await sqlOf(port, 'postgres', 'create database gateway');
  return { ...peer, url: `postgres://gateway@127.0.0.1:${port}/gateway` };
}

/** A Redis server without persistence. */
export async function startRedis(): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const start = async (): Promise<ChildProcess> => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const child = spawn('redis-server', settings, { stdio: 'ignore' });
    await until('Redis answers', () => answersRedis(url));
    return child;
  };
  return { ...(await runPeer(start, 'SIGTERM', folder)), url };
}

/** Runs one command on a Redis server. */
export async function redisCommand(url: string, ...command: string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

async function runPeer(
  spawnServer: () => Promise<ChildProcess>,
  signal: NodeJS.Signals,
  folder: string,
): Promise<Omit<Peer, 'url'>> {
  let child: ChildProcess | null = await spawnServer();
  const stop = async (): Promise<void> => {
    if (child === null) return;
    const ended = child;
    child = null;
    if (ended.exitCode !== null || ended.signalCode !== null) return;
    const exited = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill(signal);
    await exited;
  };
  return {
    stop,
    start: async () => {
      child ??= await spawnServer();
    },
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/etc/passwd')) return undefined;
  const ids = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: ids[0]!, gid: ids[1]! };
}

async function answersSql(port: number): Promise<boolean> {
  try {
    await sqlOf(port, 'postgres', 'select 1');
    return true;
  } catch {
    return false;
  }
}

async function sqlOf(port: number, database: string, text: string): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'gateway', database });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function answersRedis(url: string): Promise<boolean> {
  try {
    return (await redisCommand(url, 'PING')) === 'PONG';
  } catch {
    return false;
  }
}
