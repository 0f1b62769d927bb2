/** A Redis server of a test's own, without persistence: what it held is gone when it stops. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@balancer/kit';
import { until } from '../support.ts';
import { commandPath } from '../../../../scripts/system-requirements.ts';

/** After so long it is asked again. */
const ANSWER_MS = 5000;

export interface RedisPeer {
  readonly url: string;
  /** Kills it, as a power cut would. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startRedis(): Promise<RedisPeer> {
  const folder = mkdtempSync(join(tmpdir(), 'simulation-redis-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    child = spawn(commandPath('redis-server')!, settings, { stdio: 'ignore' });
    await until('Redis answers', async () => answers(port));
  };
  const stop = async (): Promise<void> => {
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = null;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    stop,
    start,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    // One that ends meanwhile says nothing.
    const signal = AbortSignal.timeout(ANSWER_MS);
    const [data] = (await once(socket, 'data', { signal })) as [Buffer];
    return data.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
