/**
 * `balancer run`: serves every frontend of a configuration file until told to stop.
 *
 * @module
 */
import {
  createLog,
  createNotifier,
  Daemon,
  formatKey,
  type LogLevel,
  messageOf,
} from '@balancer/kit';
import {
  formatLoadBalancerConfig,
  type LoadBalancerConfig,
  loadLoadBalancerConfig,
  type Mode,
  workerCount,
  workerProblems,
} from '@balancer/lb';
import { openInherited } from '@balancer/proxy';
import { UsageError } from '../exit.ts';
import { handOver, inherit, stillOpen } from '../hand-over.ts';
import type { Io } from '../io.ts';
import { logWarnings, Service } from '../service.ts';
import { spawnWorker } from '../worker-process.ts';
import { checkFile } from './check.ts';

export interface RunOptions {
  readonly config: string;
  readonly check?: boolean;
  readonly printConfig?: boolean;
  readonly logLevel?: LogLevel;
  readonly mode?: Mode;
  readonly workers?: number;
}

/** @returns The exit code. */
export async function run(options: RunOptions, io: Io): Promise<number> {
  if (options.check) return checkFile({ file: options.config, json: false }, io);
  // Before anything that may fail: a predecessor wants to hear how it went.
  const { sockets, announceReady } = inherit(io.environment);
  const override = overrideBy(options);
  const loaded = await loadLoadBalancerConfig(options.config, io.environment);
  const config = override(loaded.config);
  if (options.printConfig) {
    io.stdout.write(formatLoadBalancerConfig(config));
    return 0;
  }
  const log = createLog(config.global.log);
  logWarnings(log, loaded.warnings);
  const service = new Service({
    file: options.config,
    config,
    log,
    environment: io.environment,
    override,
    ...(workerCount(config.global.workers) === 1 && { inherited: await openInherited(sockets) }),
    workers: {
      spawn: spawnWorker,
      inherited: () => stillOpen(sockets),
      onHopeless: (error) => daemon.fail(error),
    },
  });
  const notifier = createNotifier({
    environment: io.environment,
    onError: (error) => log.warn(messageOf(error)),
  });
  const daemon: Daemon = new Daemon({
    parts: service.parts,
    logger: log,
    shutdownTimeoutMs: () => service.shutdownTimeoutMs,
    readyFields: () => service.readyFields,
    onReload: async () => void (await service.reload('signal')),
    onReopenLogs: () => service.reopenLogs(),
    onHandOver: async () => {
      log.info('starting a new process to hand over to');
      await service.handOver(handOver);
      daemon.retire('a new process has taken over');
    },
    onPhase: (phase) => {
      // The predecessor ends when it hears of it; by then a service manager must know this process.
      if (phase === 'running') void notifier.settled().then(announceReady);
    },
    signals: io.signals,
    notifier,
  });
  const code = await daemon.run();
  await log.close();
  return code;
}

/** @throws {UsageError} The limits of the file cannot be divided among so many. */
function withWorkers(config: LoadBalancerConfig, workers: number | undefined): LoadBalancerConfig {
  const [problem] = workers === undefined ? [] : workerProblems(config, workers);
  if (problem) {
    throw new UsageError(`--workers ${workers}: ${formatKey(problem.path)} ${problem.message}`);
  }
  return config;
}

/** What the command line says wins over the file, also after a reload. */
function overrideBy({
  logLevel,
  mode,
  workers,
}: RunOptions): (config: LoadBalancerConfig) => LoadBalancerConfig {
  return (config) => ({
    ...withWorkers(config, workers),
    global: {
      ...config.global,
      ...(workers !== undefined && { workers }),
      log: { ...config.global.log, ...(logLevel && { level: logLevel }) },
    },
    frontends: Object.fromEntries(
      Object.entries(config.frontends).map(([name, frontend]) => [
        name,
        mode ? { ...frontend, mode } : frontend,
      ]),
    ),
  });
}
