/**
 * Adds up what the workers report, into the counters that the statistics and metrics read.
 *
 * @module
 */
import {
  addDifference,
  type Backend,
  type DesiredState,
  type Server,
  type Tallied,
  withoutGauges,
} from '@balancer/lb';
import type { WorkerReport } from './protocol.ts';

/** What is known of one worker's counts. */
export class WorkerTotals {
  private readonly told = new Map<Tallied, Float64Array>();
  private ejected: ReadonlyMap<Server, number> = new Map();

  /** Adds what is new in a report. */
  add(report: WorkerReport, { frontends, backends }: DesiredState): void {
    const current = new Set<Tallied>();
    const count = (tallied: Tallied, tally: Float64Array): void => {
      addDifference(tallied, tally, this.told.get(tallied));
      this.told.set(tallied, tally);
      current.add(tallied);
    };
    const ejected = new Map<Server, number>();
    for (const [name, { tally }] of report.frontends) {
      const frontend = frontends.get(name);
      if (frontend) count(frontend.counters, tally);
    }
    for (const [name, { tally, servers }] of report.backends) {
      const backend = backends.get(name);
      if (!backend) continue;
      count(backend.counters, tally);
      for (const server of backend.servers) {
        const told = servers.get(server.address);
        if (!told) continue;
        count(server.counters, told.tally);
        if (told.ejectedUntilMs !== null) ejected.set(server, told.ejectedUntilMs);
      }
    }
    this.ejected = ejected;
    for (const tallied of this.told.keys()) if (!current.has(tallied)) this.told.delete(tallied);
  }

  /** The worker is gone: what it had open is closed, what it counted stays. */
  end(): void {
    for (const [tallied, tally] of this.told) {
      addDifference(tallied, withoutGauges(tallied, tally), tally);
    }
    this.told.clear();
    this.ejected = new Map();
  }

  /** Until when this worker keeps a server out, in milliseconds since 1970. */
  ejectedUntilMs(server: Server): number | undefined {
    return this.ejected.get(server);
  }
}

/** A server counts as ejected for as long as any worker, or this process, keeps it out. */
export function followEjections(
  backends: Iterable<Backend>,
  workers: readonly WorkerTotals[],
): void {
  for (const { servers } of backends) {
    for (const server of servers) {
      const ownMs = server.ownEjectedUntil?.getTime() ?? 0;
      const untilMs = Math.max(
        ...workers.map((worker) => worker.ejectedUntilMs(server) ?? 0),
        ownMs,
      );
      const known = server.ejectedUntil?.getTime() ?? 0;
      if (untilMs !== known) server.setEjected(untilMs === 0 ? undefined : new Date(untilMs));
    }
  }
}
