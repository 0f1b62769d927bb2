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
