/**
 * `balancer demo`: three small web servers, the load balancer in front of them, a page of
 * statistics, and what to try with them. Everything runs in this process and is gone when it ends.
 *
 * @module
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLog,
  createStyler,
  Daemon,
  EXIT,
  freePort,
  type Log,
  silentLogger,
} from '@balancer/kit';
import { loadLoadBalancerConfig } from '@balancer/lb';
import { demoConfig } from '../demo/config.ts';
import { introduction } from '../demo/introduction.ts';
import { watchKeys } from '../demo/keys.ts';
import { DemoServers } from '../demo/servers.ts';
import { EXIT_INTERRUPTED, UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { requireFree } from '../ports.ts';
import { Service } from '../service.ts';
import { spawnWorker } from '../worker-process.ts';

export interface DemoOptions {
  /** Port of the load balancer; 0 picks a free one. */
  readonly port: number;
  /** Port of the statistics; 0 picks a free one. */
  readonly statsPort: number;
}

/** @returns The exit code. */
export async function demo(options: DemoOptions, io: Io): Promise<number> {
  if (options.port !== 0 && options.port === options.statsPort) {
    throw new UsageError('--port and --stats-port must differ');
  }
  // npm keeps options for itself, up to two dashes.
  const before = io.environment['npm_lifecycle_event'] === 'start' ? 'npm start -- ' : '';
  const port = await choosePort(options.port, `${before}--port`);
  const statsPort = await choosePort(options.statsPort, `${before}--stats-port`);
  const folder = await mkdtemp(join(tmpdir(), 'balancer-demo-'));
  const servers = new DemoServers(() => urlOf(statsPort));
  try {
    const file = join(folder, 'balancer.toml');
    const ports = { port, statsPort, servers: await servers.startAll() };
    await writeFile(file, demoConfig(ports));
    return await serve({ file, port, statsPort, servers, io });
  } finally {
    await servers.stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

async function choosePort(wanted: number, option: string): Promise<number> {
  if (wanted === 0) return freePort();
  await requireFree(wanted, option);
  return wanted;
}

interface Setting {
  readonly file: string;
  readonly port: number;
  readonly statsPort: number;
  readonly servers: DemoServers;
  readonly io: Io;
}

async function serve({ file, port, statsPort, servers, io }: Setting): Promise<number> {
  const { config } = await loadLoadBalancerConfig(file, {});
  const log = demoLog(io);
  const service = new Service({
    file,
    config,
    log,
    environment: {},
    workers: {
      spawn: spawnWorker,
      inherited: () => [],
      onHopeless: (error) => daemon.fail(error),
    },
  });
  let wasInterrupted = false;
  let releaseKeyboard = (): void => {};
  const daemon: Daemon = new Daemon({
    parts: service.parts,
    logger: silentLogger,
    // Nobody wants to wait for a browser's idle connection after Ctrl-C.
    shutdownTimeoutMs: 0,
    signals: io.signals,
    onReload: () => service.reload('signal'),
    onPhase: (phase) => {
      if (phase !== 'running') return;
      const urls = { url: urlOf(port), statsUrl: urlOf(statsPort) };
      const style = createStyler(io.stdout, io.environment);
      io.stdout.write(introduction({ ...urls, file, hasKeyboard: io.stdin.isTTY }, style));
      releaseKeyboard = watchKeys(io, {
        onServer: (name) => void servers.toggle(name),
        onQuit: () => daemon.stop('q'),
        onInterrupt: () => interrupt(),
      });
    },
  });
  const onSigint = (): void => void (wasInterrupted = true);
  const interrupt = (): void => {
    onSigint();
    daemon.stop('Ctrl-C');
  };
  io.signals.on('SIGINT', onSigint);
  try {
    const code = await daemon.run();
    if (code === EXIT.failed) return code;
    return wasInterrupted ? EXIT_INTERRUPTED : EXIT.ok;
  } finally {
    io.signals.off('SIGINT', onSigint);
    releaseKeyboard();
    await log.close();
  }
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}/`;
}

/** Events of the load balancer, for people. */
function demoLog(io: Io): Log {
  return createLog({
    format: 'text',
    lineOutput: {
      write: (line) => void io.stderr.write(line),
      droppedLines: 0,
      reopen: () => {},
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
  });
}
