/**
 * What the programs count, as plain data.
 *
 * @module
 */
import type { LoadedObject, Program } from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import type { AttachedInterface } from './attachments.ts';
import type { TimedCollection } from './collector.ts';
import type { PlaneImage } from './compile.ts';
import { DROP_REASONS } from './constants.ts';
import type { Ids } from './ids.ts';
import type { HealthEvents } from './passive-health.ts';

/** Packets and bytes; bytes are those of IP packets as received. */
export interface TrafficCounts {
  readonly conns: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export interface BackendCounts extends TrafficCounts {
  /** Flows in state ESTABLISHED. */
  readonly active: number;
  /** All other flows, those of UDP among them. */
  readonly inactive: number;
  /** Live persistence templates. */
  readonly persistent: number;
  /** Has reached its upper threshold, and not fallen below the lower one since. */
  readonly overloaded: boolean;
  /** Flows that it answered first, and those that it refused or left unanswered. */
  readonly events?: HealthEvents;
}

/** Counts of a local address. */
export interface LocalAddressCounts {
  readonly address: string;
  readonly conns: number;
  readonly conflicts: number;
  /** Flows that found no free port. */
  readonly misses: number;
}

/** Runs of a program since it was loaded. */
export interface ProgramRuns {
  readonly program: string;
  readonly runs: number;
  readonly ns: number;
}

/** A picture of the plane at one time. */
export interface PlaneSnapshot {
  /** Service ids by the text of their key, backend slots by identity (`backendKey`). */
  readonly numbers: {
    readonly services: ReadonlyMap<string, number>;
    readonly backends: ReadonlyMap<string, number>;
    readonly localRuns: Ids['localRuns'];
  };
  /** By service id. */
  readonly services: ReadonlyMap<number, TrafficCounts & { readonly flows: number }>;
  /** By backend slot. */
  readonly backends: ReadonlyMap<number, BackendCounts>;
  readonly localAddresses: ReadonlyMap<number, LocalAddressCounts>;
  readonly drops: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>>;
  readonly flowsMax: number;
  readonly collection: TimedCollection | undefined;
  readonly interfaces: readonly AttachedInterface[];
  /** How often each program ran and how long it took, while the kernel keeps statistics of programs. */
  readonly programs: readonly ProgramRuns[];
  /** Why the interfaces are on their hook. */
  readonly hookReason: string;
  /** Seconds for which nobody had looked after the maps at the start; `undefined` when they were new. */
  readonly unwatchedS: number | undefined;
}

/** The counters of everything in an image. @param cpu - Traffic of this CPU alone; all by default. */
export function countersOf(
  loaded: LoadedObject<L4Tc>,
  image: PlaneImage,
  cpu?: number,
): Pick<PlaneSnapshot, 'services' | 'backends' | 'localAddresses' | 'drops'> {
  const counts = loaded.map('l4_cnt');
  const lips = loaded.map('l4_lip');
  const services = [...image.services.keys()].map((id) => {
    const flows = loaded.map('l4_scnt').get(id)?.conns ?? 0;
    return [id, { ...trafficOf(loaded, 'l4_stat_svc', { number: id, cpu }), flows }] as const;
  });
  const backends = [...image.backends.keys()].map((slot) => {
    const counted = counts.get(slot);
    const { active = 0, inactive = 0, persist = 0, overloaded = 0 } = counted ?? {};
    const { up_events: up = 0, down_events: down = 0 } = counted ?? {};
    const traffic = trafficOf(loaded, 'l4_stat_be', { number: slot, cpu });
    const state = { persistent: persist, overloaded: overloaded !== 0, events: { up, down } };
    return [slot, { ...traffic, active, inactive, ...state }] as const;
  });
  const localAddresses = [...image.localAddresses].map(([index, address]) => {
    const { conns = 0, conflicts = 0, misses = 0 } = lips.get(index) ?? {};
    return [index, { address, conns, conflicts, misses }] as const;
  });
  return {
    services: new Map(services),
    backends: new Map(backends),
    localAddresses: new Map(localAddresses),
    drops: dropsOf(loaded),
  };
}

/** Sums the copies of all CPUs, or gives that of one. */
function trafficOf(
  loaded: LoadedObject<L4Tc>,
  map: 'l4_stat_svc' | 'l4_stat_be',
  { number, cpu }: { readonly number: number; readonly cpu: number | undefined },
): TrafficCounts {
  const all = loaded.map(map).get(number) ?? [];
  const copies = cpu === undefined ? all : all.slice(cpu, cpu + 1);
  const sum = (read: (copy: (typeof copies)[number]) => bigint): number =>
    Number(copies.reduce((total, copy) => total + read(copy), 0n));
  return {
    conns: sum(({ conns }) => conns),
    inPackets: sum(({ inpkts }) => inpkts),
    outPackets: sum(({ outpkts }) => outpkts),
    inBytes: sum(({ inbytes }) => inbytes),
    outBytes: sum(({ outbytes }) => outbytes),
  };
}

/** Packets that were dropped, by reason; all reasons are there. */
function dropsOf(loaded: LoadedObject<L4Tc>): PlaneSnapshot['drops'] {
  const drops = loaded.map('l4_drop');
  return Object.fromEntries(
    Object.entries(DROP_REASONS).map(([reason, id]) => {
      const copies = drops.get(id) ?? [];
      const packets = Number(copies.reduce((total, copy) => total + copy.packets, 0n));
      const bytes = Number(copies.reduce((total, copy) => total + copy.bytes, 0n));
      return [reason, { packets, bytes }];
    }),
  );
}

/** Runs of programs, as far as the kernel counts them: `sysctl kernel.bpf_stats_enabled=1`. */
export function runsOf(programs: readonly Program[]): ProgramRuns[] {
  return programs.flatMap((program) => {
    const { runCount, runTimeNs } = program.info();
    if (runCount === 0n) return [];
    return [{ program: program.name, runs: Number(runCount), ns: Number(runTimeNs) }];
  });
}
