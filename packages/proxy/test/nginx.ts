/**
 * nginx as a server behind the balancer.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@balancer/kit';
import { commandPath } from '../../../scripts/system-requirements.ts';
import { listening } from './support.ts';

export interface Nginx {
  readonly address: string;
  /** Kills it as a crash would: no connection is closed in order. */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts an nginx that answers every request with its name. */
export async function startNginx(name: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-nginx-'));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configFor({ name, port, folder }));
  // One process, so that killing it kills everything; "-e" because it logs before it has read the file.
  const child = spawn(commandPath('nginx')!, ['-p', folder, '-c', file, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await listening(port);
  return {
    address: `127.0.0.1:${port}`,
    kill: () => end(child, 'SIGKILL'),
    stop: async () => {
      await end(child, 'SIGTERM');
      await rm(folder, { recursive: true });
    },
  };
}

function configFor({ name, port, folder }: { name: string; port: number; folder: string }): string {
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / { default_type text/plain; return 200 "${name}"; }
  }
}
`;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
