/**
 * Who has which number: service ids, backend slots and runs of local addresses. A number is stable for
 * the life of what it names, because the connection table refers to it; it is given to something else
 * only when no flow refers to it any more.
 *
 * The allocation is a value: a change is tried on a copy and kept when it fits.
 *
 * @module
 */
import {
  type BackendSpec,
  formatEndpoint,
  formatServiceKey,
  type ForwardMode,
  type ServiceKey,
  type ServiceSpec,
  sourcesOf,
} from './desired.ts';
import { PlaneError } from './errors.ts';
import { RULES_MAX } from './match-map.ts';

/** Sizes of the maps. Number 0 of each is never given out: it means "none". */
export interface Limits {
  readonly services: number;
  readonly backends: number;
  readonly localAddresses: number;
  readonly vips: number;
}

export interface BackendIdentity {
  readonly service: number;
  readonly address: string;
  readonly port: number;
  readonly mode: ForwardMode;
}

/** Consecutive entries of the map of local addresses. */
export interface LocalRun {
  readonly first: number;
  readonly addresses: readonly string[];
}

export class Ids {
  /** Service ids by key; those of removed services stay until their flows are over. */
  readonly services: Map<string, number>;
  /** Backend slots by identity; those of removed backends stay until their flows are over. */
  readonly backends: Map<string, number>;
  /** The runs in use, by service id. */
  readonly localRuns: Map<number, LocalRun>;
  /** Entries of local addresses that are taken, by index, those of former runs included. */
  readonly localAddresses: Map<number, string>;
  /** How often each backend slot was given out; a slot that is given out again shows it. */
  readonly generations: Map<number, number>;
  /** Services whose table holds the eligible backends only, because most are not. */
  readonly narrowed: Set<number>;

  constructor(other?: Ids) {
    this.services = new Map(other?.services);
    this.backends = new Map(other?.backends);
    this.localRuns = new Map(other?.localRuns);
    this.localAddresses = new Map(other?.localAddresses);
    this.generations = new Map(other?.generations);
    this.narrowed = new Set(other?.narrowed);
  }

  serviceId(key: ServiceKey): number {
    return known(this.services, formatServiceKey(key));
  }

  backendSlot(service: number, backend: BackendSpec): number {
    return known(this.backends, backendKey({ ...backend, service }));
  }
}

/** Text of a backend's identity. */
export function backendKey({ service, address, port, mode }: BackendIdentity): string {
  return `${service} ${mode} ${formatEndpoint(address, port)}`;
}

/**
 * Gives numbers to everything that has none.
 *
 * @returns A new allocation; `ids` stays as it is.
 * @throws {PlaneError} when a map is full, with the setting that makes it larger.
 */
export function allocate(services: readonly ServiceSpec[], ids: Ids, limits: Limits): Ids {
  const next = new Ids(ids);
  const vips = new Set(
    services.flatMap((service) =>
      service.match ? [] : [formatServiceKey(service), service.address],
    ),
  );
  const rules = services.filter(({ match }) => match !== undefined).length;
  if (rules > RULES_MAX) {
    throw full('rules', RULES_MAX, 'let one rule cover several networks');
  }
  const locals = new Set(services.flatMap(({ localAddresses }) => localAddresses));
  if (vips.size + locals.size > limits.vips) {
    throw full(
      'addresses and ports of services',
      limits.vips,
      'spread the services over several balancers',
    );
  }
  const freeServices = freeNumbers(next.services.values(), limits.services);
  const freeBackends = freeNumbers(next.backends.values(), limits.backends);
  for (const service of services) {
    const key = formatServiceKey(service);
    const id = next.services.get(key) ?? freeServices.next().value;
    if (id === undefined)
      throw full('services', limits.services - 1, 'raise l4.limits.max_services');
    next.services.set(key, id);
    for (const backend of service.backends) {
      const identity = backendKey({ ...backend, service: id });
      if (next.backends.has(identity)) continue;
      const slot = freeBackends.next().value;
      if (slot === undefined)
        throw full('backends', limits.backends - 1, 'raise l4.limits.max_backends');
      next.backends.set(identity, slot);
      next.generations.set(slot, (next.generations.get(slot) ?? 0) + 1);
    }
    allocateRun(id, sourcesOf(service), next, limits);
  }
  return next;
}

/** A service whose addresses changed gets a new run: flows refer to the entries of the former one. */
function allocateRun(
  service: number,
  addresses: readonly string[],
  ids: Ids,
  limits: Limits,
): void {
  const current = ids.localRuns.get(service);
  if (current?.addresses.join() === addresses.join()) return;
  ids.localRuns.delete(service);
  if (addresses.length === 0) return;
  const first = firstGap(addresses.length, ids.localAddresses, limits.localAddresses);
  if (first === undefined) {
    throw full('local addresses', limits.localAddresses - 1, 'raise l4.limits.max_local_addresses');
  }
  addresses.forEach((address, index) => ids.localAddresses.set(first + index, address));
  ids.localRuns.set(service, { first, addresses });
}

function firstGap(
  length: number,
  taken: ReadonlyMap<number, unknown>,
  limit: number,
): number | undefined {
  let start = 1;
  for (let index = 1; index < limit; index++) {
    if (taken.has(index)) start = index + 1;
    else if (index - start + 1 === length) return start;
  }
  return undefined;
}

function* freeNumbers(taken: Iterable<number>, limit: number): Generator<number, undefined> {
  const used = new Set(taken);
  for (let number = 1; number < limit; number++) if (!used.has(number)) yield number;
  return undefined;
}

function known(numbers: ReadonlyMap<string, number>, key: string): number {
  const number = numbers.get(key);
  if (number === undefined) throw new Error(`${key} has no number`);
  return number;
}

function full(what: string, limit: number, mend: string): PlaneError {
  return new PlaneError(
    `more ${what} than the maps hold (${limit}, those included whose flows are not over); ${mend}; nothing was changed`,
  );
}
