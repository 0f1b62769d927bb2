/**
 * Runs the health checks of all servers, and keeps them in step with the configuration.
 *
 * @module
 */
import {
  afterOwnTime,
  type CheckSpec,
  createCheck,
  HealthMonitor,
  type HealthSettings,
} from '@balancer/kit';
import type { Backend } from './backend.ts';
import { checkOf } from './check-spec.ts';
import type { BackendConfig } from './config/types.ts';
import type { Server } from './server.ts';

interface Watched {
  readonly monitor: HealthMonitor;
  /** Check as configured, to see whether a reload changed it. */
  readonly spec: string;
}

export class HealthSupervisor {
  private readonly watched = new Map<Server, Watched>();
  private onFirstResult: (() => void) | undefined;

  /** Starts, changes and stops checks so that they fit the backends. */
  follow(backends: Iterable<Backend>): void {
    const wanted = new Set<Server>();
    for (const backend of backends) {
      for (const server of backend.servers) {
        if (backend.config.health_check_interval === 0 || server.config.disabled) {
          if (server.state === 'checking' || server.state === 'down') {
            server.setHealth('up', 'health checks are off');
          }
          continue;
        }
        wanted.add(server);
        this.watch(server, backend.config);
      }
    }
    for (const [server, { monitor }] of this.watched) {
      if (wanted.has(server)) continue;
      monitor.stop();
      this.watched.delete(server);
    }
  }

  /** Waits until every server has been checked once, or until the time is up. */
  async firstResults(timeoutMs: number): Promise<void> {
    if (this.allKnown) return;
    await new Promise<void>((resolve) => {
      const stopWaiting = afterOwnTime(timeoutMs, resolve);
      this.onFirstResult = () => {
        if (!this.allKnown) return;
        stopWaiting();
        resolve();
      };
    });
    this.onFirstResult = undefined;
  }

  stop(): void {
    for (const { monitor } of this.watched.values()) monitor.stop();
    this.watched.clear();
  }

  private get allKnown(): boolean {
    return [...this.watched.values()].every(({ monitor }) => monitor.state !== 'unknown');
  }

  private watch(server: Server, config: BackendConfig): void {
    const checkSpec = checkOf(server, config);
    // The preamble is a function: its version stands in for it.
    const version = server.config.send_proxy_protocol ?? config.send_proxy_protocol;
    const spec = JSON.stringify([checkSpec, version]);
    const known = this.watched.get(server);
    if (known) {
      const check = known.spec === spec ? {} : { check: createCheck(checkSpec) };
      known.monitor.configure({ ...settingsOf(config), ...check });
      this.watched.set(server, { monitor: known.monitor, spec });
      return;
    }
    const monitor = this.createMonitor(server, config, checkSpec);
    this.watched.set(server, { monitor, spec });
    monitor.start();
  }

  private createMonitor(server: Server, config: BackendConfig, spec: CheckSpec): HealthMonitor {
    return new HealthMonitor({
      ...settingsOf(config),
      check: createCheck(spec),
      onResult: ({ ok, ms, reason }) => {
        server.counters.checks[ok ? 'success' : 'failure']++;
        server.lastCheck = { ok, ms, reason, at: new Date() };
      },
      onTransition: ({ to, reason }) => {
        server.setHealth(to, reason === '' ? 'health check passed' : reason);
        this.onFirstResult?.();
      },
    });
  }
}

function settingsOf({ health_check_interval, health }: BackendConfig): HealthSettings {
  return {
    intervalMs: health_check_interval,
    fastIntervalMs: health.fast_interval,
    rise: health.rise,
    fall: health.fall,
  };
}
