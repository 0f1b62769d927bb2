/**
 * The plane's numbers for Prometheus, beside those that the core exports for every plane.
 *
 * @module
 */
import type { Metrics, Sample } from '@balancer/kit';
import type { PlaneSnapshot } from './statistics.ts';

/** What is measured. */
export interface MeasuredPlane {
  readonly isOpen: boolean;
  readonly counters: { readonly latest: PlaneSnapshot | undefined };
}

/** Registers the metrics; without a running plane they have no series. */
export function registerL4Metrics(plane: MeasuredPlane, metrics: Metrics): void {
  const from =
    <L extends string>(read: (snapshot: PlaneSnapshot) => Sample<L>[]) =>
    (): Sample<L>[] =>
      plane.isOpen && plane.counters.latest ? read(plane.counters.latest) : [];
  const single = (read: (snapshot: PlaneSnapshot) => number): (() => Sample<never>[]) =>
    from((snapshot) => [{ labels: {}, value: read(snapshot) }]);
  metrics.counter<'service' | 'direction'>({
    name: 'balancer_l4_packets_total',
    help: 'Packets forwarded; in is from client to server.',
    labels: ['service', 'direction'],
    collect: from(({ numbers, services }) =>
      [...numbers.services].flatMap(([service, id]) => [
        { labels: { service, direction: 'in' }, value: services.get(id)?.inPackets ?? 0 },
        { labels: { service, direction: 'out' }, value: services.get(id)?.outPackets ?? 0 },
      ]),
    ),
  });
  metrics.counter<'reason'>({
    name: 'balancer_l4_drops_total',
    help: 'Packets dropped, by reason.',
    labels: ['reason'],
    collect: from(({ drops }) =>
      Object.entries(drops).map(([reason, { packets }]) => ({
        labels: { reason },
        value: packets,
      })),
    ),
  });
  metrics.counter<'service'>({
    name: 'balancer_l4_new_flows_total',
    help: 'Flows created.',
    labels: ['service'],
    collect: from(({ numbers, services }) =>
      [...numbers.services].map(([service, id]) => ({
        labels: { service },
        value: services.get(id)?.conns ?? 0,
      })),
    ),
  });
  metrics.counter<'lip'>({
    name: 'balancer_l4_port_misses_total',
    help: 'Flows that found no free port of a local address.',
    labels: ['lip'],
    collect: from(({ localAddresses }) => missesByAddress(localAddresses.values())),
  });
  metrics.gauge<'interface' | 'hook'>({
    name: 'balancer_l4_hook_info',
    help: 'Always 1; which hook an interface is on.',
    labels: ['interface', 'hook'],
    collect: from(({ interfaces }) =>
      interfaces.map(({ name, hook }) => ({ labels: { interface: name, hook }, value: 1 })),
    ),
  });
  metrics.gauge<'program'>({
    name: 'balancer_l4_prog_ns',
    help: 'Mean time of a run of a program, in ns, while kernel.bpf_stats_enabled is 1.',
    labels: ['program'],
    collect: from(({ programs }) =>
      programs.map(({ program, runs, ns }) => ({ labels: { program }, value: ns / runs })),
    ),
  });
  metrics.gauge({
    name: 'balancer_l4_conntrack_entries',
    help: 'Entries of the connection table at the last collection.',
    collect: single(({ collection }) => collection?.entries ?? 0),
  });
  metrics.gauge({
    name: 'balancer_l4_conntrack_max',
    help: 'Entries that the connection table holds.',
    collect: single(({ flowsMax }) => flowsMax),
  });
  metrics.gauge({
    name: 'balancer_l4_gc_seconds',
    help: 'Time of the last collection of the connection table.',
    collect: single(({ collection }) => collection?.seconds ?? 0),
  });
}

/** One series for each address, whatever number of services use it. */
function missesByAddress(
  localAddresses: Iterable<{ readonly address: string; readonly misses: number }>,
): Sample<'lip'>[] {
  const sums = new Map<string, number>();
  for (const { address, misses } of localAddresses) {
    sums.set(address, (sums.get(address) ?? 0) + misses);
  }
  return [...sums].map(([lip, value]) => ({ labels: { lip }, value }));
}
