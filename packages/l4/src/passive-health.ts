/**
 * Passive health: servers that leave flows without an answer, or refuse them, get no new ones for a time, which doubles
 * while they fail again and halves when they answer. What flows show is counted by the programs; the judgement
 * is made here once a second.
 *
 * Source: the option `dest_check` of DPVS.
 *
 * @module
 */

import { type BackendSpec, formatEndpoint, formatServiceKey, type ServiceSpec } from './desired.ts';
import { backendKey } from './ids.ts';
import type { PlaneSnapshot } from './statistics.ts';

/** When a server is inhibited, and for how long. */
export interface DestCheck {
  /** Failures within `downWaitS` that inhibit. */
  readonly downRetry: number;
  /** Answers that count as success. */
  readonly upConfirm: number;
  readonly downWaitS: number;
  /** Times for which a server is inhibited: the first, and the longest. */
  readonly inhibitMinS: number;
  readonly inhibitMaxS: number;
}

export const DEFAULT_DEST_CHECK: DestCheck = {
  downRetry: 1,
  upConfirm: 1,
  downWaitS: 3,
  inhibitMinS: 5,
  inhibitMaxS: 3600,
};

/** What the programs counted so far. Counters go round at 2^32. */
export interface HealthEvents {
  readonly up: number;
  readonly down: number;
}

/** What is known of one server. */
export interface PassiveState {
  readonly seen: HealthEvents;
  /** Failures since the first one of a row, which was at a time in seconds. */
  readonly failures: number;
  readonly failingSinceS: number;
  /** Answers since the last success or failure. */
  readonly answers: number;
  /** For how long it will be inhibited next. */
  readonly inhibitS: number;
  /** Until when it is; 0 when it is not. */
  readonly untilS: number;
}

/** A server of which nothing is known but what was counted before. */
export function freshState(seen: HealthEvents, { inhibitMinS }: DestCheck): PassiveState {
  return { seen, failures: 0, failingSinceS: 0, answers: 0, inhibitS: inhibitMinS, untilS: 0 };
}

/** The state after a look at the counters at a time. Pure. */
export function judge(
  before: PassiveState,
  seen: HealthEvents,
  { check, nowS }: { readonly check: DestCheck; readonly nowS: number },
): PassiveState {
  const up = (seen.up - before.seen.up) >>> 0;
  const down = (seen.down - before.seen.down) >>> 0;
  const isOver = before.untilS !== 0 && nowS >= before.untilS;
  const state = { ...before, seen, untilS: isOver ? 0 : before.untilS };
  // Flows from before may still fail: a server that is inhibited is not judged again.
  if (state.untilS !== 0) return { ...state, failures: 0, answers: 0 };
  const answers = down > 0 ? 0 : state.answers + up;
  const isNewRow = state.failures === 0 || nowS - state.failingSinceS > check.downWaitS;
  const failures =
    down === 0 ? (isNewRow ? 0 : state.failures) : (isNewRow ? 0 : state.failures) + down;
  const failingSinceS = failures > 0 && isNewRow ? nowS : state.failingSinceS;
  if (failures >= check.downRetry) {
    return {
      ...state,
      failures: 0,
      answers: 0,
      failingSinceS: 0,
      inhibitS: Math.min(state.inhibitS * 2, check.inhibitMaxS),
      untilS: nowS + state.inhibitS,
    };
  }
  if (answers < check.upConfirm) return { ...state, answers, failures, failingSinceS };
  const inhibitS = Math.max(Math.floor(state.inhibitS / 2), check.inhibitMinS);
  return { ...state, answers: 0, failures: 0, failingSinceS: 0, inhibitS };
}

/** Servers of services that are checked in passing, by a key of theirs. */
export class PassiveHealth {
  #states: ReadonlyMap<string, PassiveState> = new Map();

  /**
   * Judges all servers anew; those that are gone are forgotten.
   *
   * @returns Keys of servers that began or ceased to be inhibited.
   */
  look(
    servers: ReadonlyMap<string, { readonly events: HealthEvents; readonly check: DestCheck }>,
    nowS: number,
  ): string[] {
    const before = this.#states;
    this.#states = new Map(
      [...servers].map(([key, { events, check }]) => {
        const former = before.get(key);
        return [key, former ? judge(former, events, { check, nowS }) : freshState(events, check)];
      }),
    );
    return [...servers.keys()].filter((key) => this.isInhibited(key) !== isIn(before.get(key)));
  }

  isInhibited(key: string): boolean {
    return isIn(this.#states.get(key));
  }
}

function isIn(state: PassiveState | undefined): boolean {
  return state !== undefined && state.untilS !== 0;
}

/** Servers of services that are checked in passing, with what their flows showed. */
export function checkedServers(
  services: Iterable<ServiceSpec>,
  { numbers, backends }: Pick<PlaneSnapshot, 'numbers' | 'backends'>,
): Map<string, { readonly events: HealthEvents; readonly check: DestCheck }> {
  const found = new Map<string, { readonly events: HealthEvents; readonly check: DestCheck }>();
  for (const service of services) {
    const { destCheck: check } = service;
    const id = numbers.services.get(formatServiceKey(service));
    if (!check || id === undefined) continue;
    for (const backend of service.backends) {
      const slot = numbers.backends.get(backendKey({ ...backend, service: id }));
      const events = slot === undefined ? undefined : backends.get(slot)?.events;
      if (events) found.set(serverKey(service, backend), { events, check });
    }
  }
  return found;
}

/** The service as it is to be forwarded: servers that are inhibited take no new flows. */
export function withInhibited(service: ServiceSpec, health: PassiveHealth): ServiceSpec {
  if (!service.destCheck) return service;
  const isInhibited = (backend: BackendSpec): boolean =>
    health.isInhibited(serverKey(service, backend));
  if (!service.backends.some(isInhibited)) return service;
  return {
    ...service,
    backends: service.backends.map((backend) =>
      isInhibited(backend) ? { ...backend, inhibited: true } : backend,
    ),
  };
}

/** Text of a server of a service. */
function serverKey(service: ServiceSpec, { address, port }: BackendSpec): string {
  return `${formatServiceKey(service)} ${formatEndpoint(address, port || service.port)}`;
}
