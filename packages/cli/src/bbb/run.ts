/**
 * `balancer bbb run`: the gateway as a daemon.
 *
 * @module
 */
import { loadConsole } from '@balancer/console';
import { createLog, createNotifier, Daemon } from '@balancer/kit';
import type { Io } from '../io.ts';
import { type BbbOptions, tellSecret } from './host.ts';

/** @returns The exit code. @throws if the configuration or the storage cannot be used. */
export async function runGateway({ config: file }: BbbOptions, io: Io): Promise<number> {
  const { Gateway, loadBbbConfig } = await import('@balancer/bbb');
  const { config, warnings } = await loadBbbConfig(file, io.environment);
  const log = createLog({ level: config.log_level });
  for (const warning of warnings) log.warn(warning);
  const pages = loadConsole();
  // Before the daemon: a data directory that is taken has an exit code of its own.
  const gateway = await Gateway.open({
    config,
    logger: log,
    onNewSecret: (secret) => tellSecret(io, secret),
    reload: async () => reload(),
    ...(pages !== null && { assets: pages.gatewayAssets }),
  });
  const reload = async (): Promise<void> => {
    gateway.configure((await loadBbbConfig(file, io.environment)).config);
    log.configure({ level: gateway.context.config().log_level });
    log.info('configuration reloaded');
  };
  let ports = {};
  const daemon = new Daemon({
    parts: [
      {
        name: 'gateway',
        start: async () => {
          ports = await gateway.start();
        },
        drain: async () => gateway.drain(),
        stop: async () => gateway.close(),
      },
    ],
    logger: log,
    shutdownTimeoutMs: () => gateway.context.config().shutdown_grace_seconds * 1000,
    readyFields: () => ports,
    onReload: reload,
    signals: io.signals,
    notifier: createNotifier({ environment: io.environment }),
  });
  const code = await daemon.run();
  // A start that failed stops no part, and the storage was opened before.
  if (Object.keys(ports).length === 0) await gateway.close();
  await log.close();
  return code;
}
