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
  const spawnServer = (): ChildProcess => {
    const settings = ['-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
    const args = ['-D', data, ...settings, '-c', 'fsync=off'];
    return spawn(join(bin, 'postgres'), args, { ...options, stdio: 'ignore' });
  };
  const start = async (): Promise<ChildProcess> =>
    spawned('PostgreSQL answers', spawnServer, () => answersSql(port));
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
  const spawnServer = (): ChildProcess => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    return spawn('redis-server', settings, { stdio: 'ignore' });
  };
  const start = async (): Promise<ChildProcess> =>
    spawned('Redis answers', spawnServer, () => answersRedis(url));
  return { ...(await runPeer(start, 'SIGTERM', folder)), url };
}

/** Both, or neither. */
export async function startPeers(): Promise<[postgres: Peer, redis: Peer]> {
  const [postgres, redis] = await Promise.allSettled([startPostgres(), startRedis()]);
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled') {
    return [postgres.value, redis.value];
  }
  const reasons: unknown[] = [];
  for (const result of [postgres, redis]) {
    if (result.status === 'fulfilled') await result.value.close();
    else reasons.push(result.reason);
  }
  throw new AggregateError(reasons, 'PostgreSQL and Redis did not both start');
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

/** Starts a server until it answers: again if it ended, because its port was taken meanwhile. */
async function spawned(
  what: string,
  spawnServer: () => ChildProcess,
  answers: () => Promise<boolean>,
): Promise<ChildProcess> {
  let child = spawnServer();
  try {
    await until(what, () => {
      if (child.exitCode !== null || child.signalCode !== null) child = spawnServer();
      return answers();
    });
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
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
