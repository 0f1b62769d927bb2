/**
 * How often lists of clients decided. The longest network that an address is in decides, and counts.
 *
 * @module
 */
import type { LoadedObject } from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { aclKey, type ListedNetwork, networkName, networkOf } from './admission.ts';
import { LIST_KINDS } from './constants.ts';
import { formatServiceKey, type ServiceSpec } from './desired.ts';
import { setNamedBy } from './named-sets.ts';
import type { AddressSets } from './named-sets.ts';

export type ListKind = 'deny' | 'allow';

/** New flows that were decided, by the list (`listName`) and the network (`networkName`). */
export type ListHits = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** An entry of a list as it is shown. */
export interface ListEntry {
  /** A network, or `ipset:<name>`. */
  readonly network: string;
  readonly hits: number;
}

/** Reads the counters of networks. @param services - Numbers by the texts of keys. */
export function listHitsOf(
  loaded: LoadedObject<L4Tc>,
  networks: Iterable<ListedNetwork>,
  services: ReadonlyMap<string, number>,
): ListHits {
  const names = new Map([...services].map(([key, id]) => [id, key]));
  const lists = loaded.map('l4_acl');
  const hits = new Map<string, Map<string, number>>();
  for (const network of networks) {
    const kind: ListKind = network.list % 2 === LIST_KINDS.deny ? 'deny' : 'allow';
    const list = listName(names.get(network.list >> 1) ?? '', kind);
    const counted = Number(lists.get(aclKey(network))?.hits ?? 0n);
    let entries = hits.get(list);
    if (!entries) hits.set(list, (entries = new Map<string, number>()));
    entries.set(networkName(network), counted);
  }
  return hits;
}

/** Part of the time that may go into reading counters for documents that somebody asks for again and again. */
const READING_SHARE_MAX = 1 / 20;

/** Hits as they were a little before, the longer the more there are: 100,000 networks take long to read. */
export class RecentHits {
  readonly #read: () => Promise<ListHits>;
  readonly #nowMs: () => number;
  #latest: Promise<ListHits> | undefined;
  #validUntilMs = 0;

  constructor(read: () => Promise<ListHits>, nowMs: () => number = () => performance.now()) {
    this.#read = read;
    this.#nowMs = nowMs;
  }

  /** Calls that come while they are read wait for the same. */
  async get(): Promise<ListHits> {
    const beginMs = this.#nowMs();
    if (this.#latest && beginMs < this.#validUntilMs) return this.#latest;
    this.#validUntilMs = Infinity;
    this.#latest = this.#read();
    try {
      return await this.#latest;
    } catch (error) {
      // Whoever asks next may fare better.
      this.#latest = undefined;
      throw error;
    } finally {
      const nowMs = this.#nowMs();
      this.#validUntilMs = nowMs + (nowMs - beginMs) / READING_SHARE_MAX;
    }
  }
}

/** The entries of a list of a service, a set with the hits of all its networks. */
export function entriesOf(
  service: ServiceSpec,
  kind: ListKind,
  { hits, sets }: { readonly hits: ListHits; readonly sets: AddressSets },
): ListEntry[] {
  const counted = hits.get(listName(formatServiceKey(service), kind)) ?? new Map<string, number>();
  const hitsOf = (network: string): number => counted.get(networkName(networkOf(network))) ?? 0;
  return service.admission[kind].map((entry) => {
    const name = setNamedBy(entry);
    const networks = name === undefined ? [entry] : (sets.get(name) ?? []);
    return { network: entry, hits: networks.reduce((sum, each) => sum + hitsOf(each), 0) };
  });
}

function listName(service: string, kind: ListKind): string {
  return `${service} ${kind}`;
}
