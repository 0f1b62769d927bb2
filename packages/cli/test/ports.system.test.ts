import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { commandPath } from '../../../scripts/system-requirements.ts';
import { balancerCommand, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

const canUnshare = userInfo().uid === 0 && commandPath('unshare') && commandPath('ip');
const reason = canUnshare ? '' : ' (skipped: needs root, unshare and ip)';

/** Servers on two addresses that greet everybody with their address; quoted by a shell. */
const SERVERS = `
const { createServer } = require("node:net");
for (const address of ["127.0.0.2", "127.0.0.3"]) {
  createServer((socket) => {
    socket.on("error", () => {});
    socket.write(address);
  }).listen(8080, address, () => console.error("serving " + address));
}`;

/** A network of its own, with a loopback interface and 50 ports to connect from. */
const NETWORK = `ip link set lo up && echo "40000 40049" > /proc/sys/net/ipv4/ip_local_port_range`;

/** What a client of the unix socket is greeted with, or how it failed. */
async function greet(path: string): Promise<{ readonly socket: Socket; readonly how: string }> {
  const socket = connect({ path });
  const how = await new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(String(bytes)));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('close', () => resolve('closed'));
  });
  socket.on('error', () => {});
  return { socket, how };
}

describe.skipIf(!canUnshare)(`a balancer with 50 ports to connect from${reason}`, () => {
  test('goes to another server when they are used up, says so, and serves again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balancer-ports-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const [path, file] = [join(folder, 'in.sock'), join(folder, 'config.toml')];
    await writeFile(
      file,
      `[frontends.in]
listen_addr = "unix:${path}"
backend = "out"
[backends.out]
balance = "first"
health_check_interval = 0
connect_retries = 1
retry_delay = "10ms"
[backends.out.servers.one]
addr = "127.0.0.2:8080"
[backends.out.servers.two]
addr = "127.0.0.3:8080"
`,
    );
    const script = `${NETWORK} && { "$0" -e '${SERVERS}' & } && exec "$0" "$@"`;
    const [node, ...command] = balancerCommand('run', file);
    // Everything in the network ends with the process that it was made for.
    const child = spawn(
      commandPath('unshare')!,
      ['--net', '--pid', '--fork', '--kill-child', '/bin/sh', '-c', script, node!, ...command],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let log = '';
    child.stderr.on('data', (bytes) => (log += String(bytes)));
    cleanups.push(async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    });
    await until('it is ready', () => {
      if (child.exitCode !== null) throw new Error(`it ended:\n${log}`);
      return ['"msg":"ready"', 'serving 127.0.0.2', 'serving 127.0.0.3'].every((text) =>
        log.includes(text),
      );
    });
    expect((await greet(path)).how).toBe('127.0.0.2');
    const startedAt = performance.now();

    // 49 more from the same ports, then the other server's 50, then nothing is left.
    const met = await Promise.all(Array.from({ length: 109 }, () => greet(path)));
    const count = (how: string): number => met.filter((one) => one.how === how).length;
    expect([count('127.0.0.2'), count('127.0.0.3')]).toEqual([49, 50]);
    expect(met.length - count('127.0.0.2') - count('127.0.0.3')).toBe(10);
    await until('it says so', () => log.includes('"failure":"no_port"'));
    expect(log).toContain('EADDRNOTAVAIL');
    // Of equal failures at most 10 a second are written, of each of the two servers.
    const seconds = Math.ceil((performance.now() - startedAt) / 1000);
    const written = log.match(/"failure":"no_port"/g)!.length;
    expect(written).toBeLessThanOrEqual(2 * 11 * (seconds + 1));

    for (const { socket } of met) socket.destroy();
    await until('ports are free again', async () => {
      const { socket, how } = await greet(path);
      socket.destroy();
      return how === '127.0.0.2';
    });
  });
});
