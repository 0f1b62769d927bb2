/**
 * What the tests of the core share.
 *
 * @module
 */
import { silentLogger } from '@balancer/kit';
import { parseLoadBalancerConfig } from '../src/config/load.ts';
import type { DataPlane } from '../src/data-plane.ts';
import type { DnsResolver } from '../src/discovery/dns.ts';
import { LoadBalancer } from '../src/load-balancer.ts';
import type { Server, ServerState } from '../src/server.ts';

/** A plane that binds nothing and notes what it was told. */
export class NotingPlane implements DataPlane {
  readonly modes = new Set(['proxy'] as const);
  readonly states: ServerState[] = [];
  commits = 0;
  aborts = 0;

  async prepare(): ReturnType<DataPlane['prepare']> {
    return { commit: () => void this.commits++, abort: () => void this.aborts++ };
  }

  serverChanged(server: Server): void {
    this.states.push(server.state);
  }

  serversChanged(): void {}

  async collect(): Promise<void> {}

  closeConnections(): number {
    return 3;
  }

  async drain(): Promise<{ cut: number }> {
    return { cut: 0 };
  }
}

/** A started load balancer on a plane that binds nothing. */
export async function startLoadBalancer(
  toml: string,
  resolver?: DnsResolver,
): Promise<{
  readonly loadBalancer: LoadBalancer;
  readonly plane: NotingPlane;
  /** Messages of level warn so far. */
  readonly warnings: readonly string[];
}> {
  const plane = new NotingPlane();
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const loadBalancer = new LoadBalancer({
    config: parseLoadBalancerConfig(toml, 'test.toml').config,
    planes: [plane],
    logger,
    ...(resolver && { resolver }),
  });
  await loadBalancer.start();
  return { loadBalancer, plane, warnings };
}

/** After so long a condition counts as hung. Far above what any step takes, below the limit of a test. */
const HANG_MS = 60_000;

/** Waits for a condition, and fails with its text when it hangs: a slow machine is no failure. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + HANG_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    // oxlint-disable-next-line no-await-in-loop -- polling
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
