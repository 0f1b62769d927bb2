/**
 * Named sets of networks, which lists of clients refer to as `ipset:<name>`: those of the file, and over them
 * what was ordered. An order lasts as long as one about a service: until the file is loaded again with the set
 * in it, unless it was saved.
 *
 * @module
 */
import { cidr } from '@balancer/kit';
import type { Admission, ServiceSpec } from './desired.ts';
import { formatServiceKey } from './desired.ts';
import { PlaneError } from './errors.ts';

/** Networks by the name of their set. */
export type AddressSets = ReadonlyMap<string, readonly string[]>;

/** What was ordered about a set; `null`: it was destroyed. */
export interface SetOrder {
  readonly name: string;
  readonly networks: readonly string[] | null;
}

const REFERENCE = 'ipset:';
/** What a set may be called. */
export const SET_NAME: RegExp = /^[a-z][\w.-]{0,63}$/i;

/** The entry of a list that stands for a set. */
export function setReference(name: string): string {
  return `${REFERENCE}${name}`;
}

/** The set that an entry of a list stands for; `undefined` for a network. */
export function setNamedBy(entry: string): string | undefined {
  return entry.startsWith(REFERENCE) ? entry.slice(REFERENCE.length) : undefined;
}

/** Whether a text can stand on a list: a network, or a reference to a set. */
export function isListEntry(text: string): boolean {
  const name = setNamedBy(text);
  return name === undefined ? cidr().safeParse(text).success : SET_NAME.test(name);
}

export class NamedSets {
  #file: AddressSets = new Map();
  readonly #orders = new Map<string, SetOrder['networks']>();

  /** A file was loaded: orders about its sets end, saved ones hold. */
  load(file: AddressSets, saved: readonly SetOrder[] = []): void {
    this.#file = file;
    for (const name of file.keys()) this.#orders.delete(name);
    for (const [name, networks] of this.#orders) if (networks === null) this.#orders.delete(name);
    for (const { name, networks } of saved) this.#orders.set(name, networks);
  }

  /** Everything that was ordered and holds. */
  get orders(): SetOrder[] {
    return [...this.#orders].map(([name, networks]) => ({ name, networks }));
  }

  isOrdered(name: string): boolean {
    return this.#orders.has(name);
  }

  /** What holds. */
  effective(): Map<string, readonly string[]> {
    const sets = new Map(this.#file);
    for (const [name, networks] of this.#orders) {
      if (networks === null) sets.delete(name);
      else sets.set(name, networks);
    }
    return sets;
  }

  order({ name, networks }: SetOrder): void {
    if (networks === null && !this.#file.has(name)) this.#orders.delete(name);
    else this.#orders.set(name, networks);
  }
}

/**
 * Services with the networks of sets in the place of their names.
 *
 * @throws {PlaneError} A list names a set that is not there.
 */
export function withNetworks(services: readonly ServiceSpec[], sets: AddressSets): ServiceSpec[] {
  return services.map((service) => {
    const { admission } = service;
    if (![...admission.deny, ...admission.allow].some((each) => each.startsWith(REFERENCE))) {
      return service;
    }
    const expand = (list: keyof Pick<Admission, 'deny' | 'allow'>): string[] =>
      admission[list].flatMap((entry) => networksOf(entry, sets, service));
    return {
      ...service,
      admission: { ...admission, deny: expand('deny'), allow: expand('allow') },
    };
  });
}

/** Services whose lists name a set. */
export function usersOf(name: string, services: Iterable<ServiceSpec>): ServiceSpec[] {
  const reference = setReference(name);
  return [...services].filter(
    ({ admission }) => admission.deny.includes(reference) || admission.allow.includes(reference),
  );
}

function networksOf(entry: string, sets: AddressSets, service: ServiceSpec): readonly string[] {
  const name = setNamedBy(entry);
  if (name === undefined) return [entry];
  const networks = sets.get(name);
  if (networks) return networks;
  const known = [...sets.keys()].join(', ') || 'none';
  throw new PlaneError(
    `${formatServiceKey(service)}: its list names the set ${name}, which is not there; there are: ${known}`,
  );
}
