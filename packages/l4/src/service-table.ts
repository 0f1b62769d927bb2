/**
 * The services that are wanted: those of the configuration file, and over them what was ordered by
 * `ipvsadm` or the API. An order lasts until the file is loaded again with the same service in it, unless it
 * was saved.
 *
 * @module
 */
import {
  type BackendSpec,
  formatEndpoint,
  formatServiceKey,
  type ServiceKey,
  type ServiceSpec,
} from './desired.ts';
import type { Order } from './state-file.ts';

/** Services by the text of their key. */
export type Services = ReadonlyMap<string, ServiceSpec>;

export class ServiceTable {
  #file: Services = new Map();
  readonly #orders = new Map<string, Order>();

  /** A file was loaded: orders about its services end, saved ones hold. */
  load(services: readonly ServiceSpec[], saved: readonly Order[] = []): void {
    this.#file = byKey(services);
    for (const key of this.#file.keys()) this.#orders.delete(key);
    for (const [key, { order }] of this.#orders) if (order === null) this.#orders.delete(key);
    for (const each of saved) this.#orders.set(formatServiceKey(each.service), each);
  }

  /** Everything that was ordered and holds. */
  get orders(): Order[] {
    return [...this.#orders.values()];
  }

  /** Health or weights of the file's servers changed; orders stay. */
  refresh(services: readonly ServiceSpec[]): void {
    this.#file = byKey(services);
  }

  /** Does what made another table of the one before, which need not hold any more: that much, and nothing else. */
  order(next: Services, before: Services): void {
    for (const [key, order] of next) {
      if (JSON.stringify(order) === JSON.stringify(before.get(key))) continue;
      this.#orders.set(key, { service: keyOf(order), order });
    }
    for (const [key, service] of before) {
      if (next.has(key)) continue;
      if (this.#file.has(key)) this.#orders.set(key, { service: keyOf(service), order: null });
      else this.#orders.delete(key);
    }
  }

  /** What holds: orders over the file, with the health that checks found. */
  effective(): Services {
    const services = new Map(this.#file);
    for (const [key, { order }] of this.#orders) {
      if (order === null) services.delete(key);
      else services.set(key, withHealth(order, this.#file.get(key)));
    }
    return services;
  }
}

/** Services by their keys; of two with one key the first. */
export function byKey(services: readonly ServiceSpec[]): Map<string, ServiceSpec> {
  const table = new Map<string, ServiceSpec>();
  for (const service of services) {
    const key = formatServiceKey(service);
    if (!table.has(key)) table.set(key, service);
  }
  return table;
}

function keyOf({ protocol, address, port, match }: ServiceSpec): ServiceKey {
  return { protocol, address, port, ...(match && { match }) };
}

function withHealth(order: ServiceSpec, file: ServiceSpec | undefined): ServiceSpec {
  if (!file) return order;
  const checked = new Map(file.backends.map((backend) => [endpointOf(backend), backend.health]));
  const backends = order.backends.map((backend) => ({
    ...backend,
    health: checked.get(endpointOf(backend)) ?? backend.health,
  }));
  return { ...order, backends };
}

function endpointOf({ address, port }: BackendSpec): string {
  return formatEndpoint(address, port);
}
