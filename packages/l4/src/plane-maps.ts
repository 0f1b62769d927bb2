/**
 * Reads the image of the maps and writes what is different in another one, in an order in which no
 * packet ever meets half a change: what is referred to first, then what refers to it; removals the
 * other way round.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { LoadedObject } from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { fromMapAddress, toMapAddress } from './address.ts';
import { aclKey, type ListedNetwork, networkFrom, networkText } from './admission.ts';
import { addressFilter } from './address-filter.ts';
import { emptyImage, filteredAddresses, type PlaneImage, type VipKey, vipText } from './compile.ts';
import { BACKEND_FLAGS, PROTOCOL_NAMES, PROTOCOLS } from './constants.ts';
import type { Protocol } from './desired.ts';
import { createRules, matchFilter, type PlaneRule, readRules } from './match-map.ts';
import { EMPTY_BACKEND, EMPTY_SERVICE, sameRecord } from './records.ts';
import { createTable, differences, patchTable, readTable } from './selection-map.ts';

/** Descriptors of tables that are open at a time while they are put into their outer map. */
const TABLES_AT_ONCE = 256;
/** At most one slot in so many is changed in place; with more, a new table is as fast. */
const PATCH_SHARE = 8;
const ANY_PROTOCOL = 0;
/** An entry that nobody filled. */
const NO_ADDRESS_TEXT = '::';

const NO_STATS = { conns: 0n, inpkts: 0n, outpkts: 0n, inbytes: 0n, outbytes: 0n };

export class PlaneMaps {
  readonly #loaded: LoadedObject<L4Tc>;
  readonly #cpus: number;
  #image: PlaneImage;
  #filter: readonly bigint[] | undefined;

  /** Takes over maps, whoever filled them. */
  constructor(loaded: LoadedObject<L4Tc>) {
    this.#loaded = loaded;
    this.#image = readImage(loaded);
    this.#filter = loaded.map('l4_filter').get(0)?.words;
    this.#cpus = loaded.map('l4_stat_svc').get(0)?.length ?? 1;
  }

  /** What the maps hold. */
  get image(): PlaneImage {
    return this.#image;
  }

  /** Writes what is different. @returns How many entries were written or deleted. */
  apply(next: PlaneImage): number {
    const before = this.#image;
    let writes = 0;
    this.#resetCounters(before, next);
    const [staying, leaving] = changedBackends(before, next);
    // Bits of the filter are set before anything refers to their addresses.
    writes += this.#writeFilter(next);
    writes += this.#writeAll('l4_be', staying);
    for (const [index, address] of changed(before.localAddresses, next.localAddresses)) {
      const value = { address: toMapAddress(address), conns: 0, conflicts: 0, misses: 0, zero: 0 };
      this.#loaded.map('l4_lip').set(index, value);
      writes++;
    }
    if (!sameRecord(before.config, next.config)) {
      this.#loaded.map('l4_cfg').set(0, next.config);
      writes++;
    }
    // A list has its networks before a service says that it has the list, and as long as it does.
    writes += this.#addNetworks(before, next);
    writes += this.#writeServices(before, next);
    writes += this.#dropNetworks(before, next);
    writes += this.#writeRules(before.rules, next.rules);
    writes += this.#writeVips(before, next);
    writes += this.#writeAll('l4_be', leaving);
    this.#image = next;
    return writes;
  }

  /** Empties the entries of what has no flows any more; the generation of a backend stays. */
  free(gone: {
    readonly services: Iterable<number>;
    readonly backends: Iterable<number>;
    readonly localAddresses: Iterable<number>;
  }): void {
    const services = new Map(this.#image.services);
    const tables = new Map(this.#image.tables);
    const lists = new Map(this.#image.lists);
    const backends = new Map(this.#image.backends);
    const localAddresses = new Map(this.#image.localAddresses);
    for (const id of gone.services) {
      this.#loaded.map('l4_svc').set(id, EMPTY_SERVICE);
      services.delete(id);
      tables.delete(id);
      lists.delete(id);
    }
    this.#dropTables([...gone.services]);
    const rules = this.#image.rules.filter(({ service }) => services.has(service));
    this.#writeRules(this.#image.rules, rules);
    for (const slot of gone.backends) {
      const generation = this.#image.backends.get(slot)?.generation ?? 0;
      this.#loaded.map('l4_be').set(slot, { ...EMPTY_BACKEND, generation });
      backends.delete(slot);
    }
    for (const index of gone.localAddresses) {
      const value = { address: EMPTY_SERVICE.vip, conns: 0, conflicts: 0, misses: 0, zero: 0 };
      this.#loaded.map('l4_lip').set(index, value);
      localAddresses.delete(index);
    }
    this.#image = { ...this.#image, services, tables, lists, backends, localAddresses, rules };
  }

  /** Deleting from a map of maps waits for every packet under way, each time; a batch of updates does so once. */
  #dropTables(services: readonly number[]): void {
    if (services.length === 0) return;
    const none = createTable('none', new Uint32Array(0));
    try {
      for (const outer of ['l4_sel', 'l4_list'] as const) {
        this.#loaded.map(outer).setAll(services.map((id) => [id, none.fd] as const));
      }
    } finally {
      none.close();
    }
  }

  /** Numbers that are given out anew begin to count at 0. */
  #resetCounters(before: PlaneImage, next: PlaneImage): void {
    const zeros = Array.from({ length: this.#cpus }, () => NO_STATS);
    for (const id of next.services.keys()) {
      if (before.services.has(id)) continue;
      this.#loaded.map('l4_stat_svc').set(id, zeros);
      this.#loaded.map('l4_scnt').set(id, { conns: 0, half_open: 0, zero: 0n });
      this.#loaded.map('l4_bucket').set(id, { conns: 0n, packets: 0n, bytes: 0n, zero: 0n });
      this.#loaded.map('l4_cur').set(id, 0);
    }
    const none = {
      active: 0,
      inactive: 0,
      persist: 0,
      overloaded: 0,
      up_events: 0,
      down_events: 0,
    };
    for (const slot of next.backends.keys()) {
      if (before.backends.has(slot)) continue;
      this.#loaded.map('l4_stat_be').set(slot, zeros);
      this.#loaded.map('l4_cnt').set(slot, { ...none, last_new_ns: 0n });
    }
  }

  #writeFilter(next: PlaneImage): number {
    const filter = addressFilter(filteredAddresses(next));
    if (this.#filter?.every((word, index) => word === filter.words[index])) return 0;
    this.#loaded.map('l4_filter').set(0, filter);
    this.#filter = filter.words;
    return 1;
  }

  /** All of them at once: a packet meets those before or those after. */
  #writeRules(before: readonly PlaneRule[], next: readonly PlaneRule[]): number {
    if (isDeepStrictEqual(before, next)) return 0;
    const filter = this.#loaded.map('l4_match_filter');
    // Meanwhile the filter lets through what either may match.
    filter.set(0, matchFilter([...before, ...next]));
    const rules = createRules(next);
    try {
      this.#loaded.map('l4_match').set(0, rules.fd);
    } finally {
      rules.close();
    }
    filter.set(0, matchFilter(next));
    return 1;
  }

  /** A service says how long its table is: a shorter table comes after that, a longer one before. */
  #writeServices(before: PlaneImage, next: PlaneImage): number {
    const services = [...changed(before.services, next.services, sameRecord)];
    const shrinks = ([id]: readonly [number, unknown]): boolean =>
      length(next.tables, id) < length(before.tables, id) ||
      length(next.lists, id) < length(before.lists, id);
    let writes = this.#writeAll('l4_svc', services.filter(shrinks));
    writes += this.#writeTables('l4_sel', before.tables, next.tables);
    writes += this.#writeTables('l4_list', before.lists, next.lists);
    return (
      writes +
      this.#writeAll(
        'l4_svc',
        services.filter((entry) => !shrinks(entry)),
      )
    );
  }

  #addNetworks(before: PlaneImage, next: PlaneImage): number {
    const added = [...next.networks].filter(([text]) => !before.networks.has(text));
    if (added.length > 0) {
      this.#loaded
        .map('l4_acl')
        .setAll(added.map(([, network]) => [aclKey(network), { hits: 0n }] as const));
    }
    return added.length;
  }

  #dropNetworks(before: PlaneImage, next: PlaneImage): number {
    const map = this.#loaded.map('l4_acl');
    const gone = [...before.networks].filter(([text]) => !next.networks.has(text));
    for (const [, network] of gone) map.delete(aclKey(network));
    return gone.length;
  }

  #writeVips(before: PlaneImage, next: PlaneImage): number {
    const map = this.#loaded.map('l4_vip');
    let writes = 0;
    for (const [text, { key, value }] of next.vips) {
      if (before.vips.get(text)?.value === value) continue;
      map.set(mapKey(key), value);
      writes++;
    }
    for (const [text, { key }] of before.vips) {
      if (next.vips.has(text)) continue;
      map.delete(mapKey(key));
      writes++;
    }
    return writes;
  }

  #writeAll<N extends 'l4_be' | 'l4_svc'>(
    name: N,
    entries: readonly (readonly [number, L4Tc['maps'][N]['value']])[],
  ): number {
    if (entries.length > 0) this.#loaded.map(name).setAll(entries);
    return entries.length;
  }

  /**
   * Tables in which little changed are changed in place. The others are made anew and swapped; each swap
   * waits until no packet uses the former table, a batch of them waits once.
   */
  #writeTables(
    outer: 'l4_sel' | 'l4_list',
    before: ReadonlyMap<number, Uint32Array>,
    next: ReadonlyMap<number, Uint32Array>,
  ): number {
    const tables = [...changed(before, next, sameTable)];
    const waiting = tables.filter(([id, table]) => !this.#patch(outer, id, before.get(id), table));
    while (waiting.length > 0) {
      const part = waiting.splice(0, TABLES_AT_ONCE);
      const made = part.map(([id, table]) => ({ id, map: createTable(outer, table) }));
      try {
        this.#loaded.map(outer).setAll(made.map(({ id, map }) => [id, map.fd] as const));
      } finally {
        for (const { map } of made) map.close();
      }
    }
    return tables.length;
  }

  /** @returns Whether the table could be changed in place. */
  #patch(
    outer: 'l4_sel' | 'l4_list',
    id: number,
    before: Uint32Array | undefined,
    table: Uint32Array,
  ): boolean {
    if (before?.length !== table.length) return false;
    const places = differences(before, table);
    const inner = this.#loaded.map(outer).get(id);
    if (inner === undefined || places.length * PATCH_SHARE > table.length) return false;
    patchTable(inner, table, places);
    return true;
  }
}

/** Backends that changed: those that take flows or may again, and those that are leaving. */
function changedBackends(
  before: PlaneImage,
  next: PlaneImage,
): readonly [PlaneImageEntries, PlaneImageEntries] {
  const all = [...changed(before.backends, next.backends, sameRecord)];
  const isRetired = ([, { flags }]: PlaneImageEntries[number]): boolean =>
    (flags & BACKEND_FLAGS.retired) !== 0;
  return [all.filter((entry) => !isRetired(entry)), all.filter(isRetired)];
}

type PlaneImageEntries = readonly (readonly [number, L4Tc['maps']['l4_be']['value']])[];

function* changed<T>(
  before: ReadonlyMap<number, T>,
  next: ReadonlyMap<number, T>,
  same: (a: T, b: T) => boolean = Object.is,
): Generator<readonly [number, T]> {
  for (const [number, value] of next) {
    const former = before.get(number);
    if (former === undefined || !same(former, value)) yield [number, value];
  }
}

function sameTable(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((slot, index) => slot === b[index]);
}

function length(tables: ReadonlyMap<number, Uint32Array>, id: number): number {
  return tables.get(id)?.length ?? 0;
}

function mapKey({ address, port, protocol }: VipKey): L4Tc['maps']['l4_vip']['key'] {
  return {
    address: toMapAddress(address),
    port,
    protocol: protocol === undefined ? ANY_PROTOCOL : PROTOCOLS[protocol],
    zero: 0,
  };
}

/** The image that a former process left behind; an empty one when the maps are new. */
function readImage(loaded: LoadedObject<L4Tc>): PlaneImage {
  const vips = new Map<string, { key: VipKey; value: number }>();
  for (const [key, value] of loaded.map('l4_vip').entries()) {
    const vip = {
      address: fromMapAddress(key.address),
      port: key.port,
      protocol: protocolOf(key.protocol),
    };
    vips.set(vipText(vip), { key: vip, value });
  }
  const services = new Map(
    [...loaded.map('l4_svc').entries()].filter(([, { protocol }]) => protocol !== 0),
  );
  const backends = new Map(
    [...loaded.map('l4_be').entries()].filter(([, { family }]) => family !== 0),
  );
  const localAddresses = new Map<number, string>();
  for (const [index, { address }] of loaded.map('l4_lip').entries()) {
    const text = fromMapAddress(address);
    if (text !== NO_ADDRESS_TEXT) localAddresses.set(index, text);
  }
  const tables = new Map<number, Uint32Array>();
  const lists = new Map<number, Uint32Array>();
  for (const [id, { sel_len, list_len }] of services) {
    tables.set(id, tableOf(loaded, 'l4_sel', id, sel_len));
    lists.set(id, tableOf(loaded, 'l4_list', id, list_len));
  }
  const config = loaded.map('l4_cfg').get(0) ?? emptyImage().config;
  const networks = readNetworks(loaded);
  const rulesMap = loaded.map('l4_match').get(0);
  const rules = rulesMap === undefined ? [] : readRules(rulesMap);
  return { config, vips, services, backends, tables, lists, localAddresses, networks, rules };
}

function readNetworks(loaded: LoadedObject<L4Tc>): Map<string, ListedNetwork> {
  const networks = new Map<string, ListedNetwork>();
  for (const [key] of loaded.map('l4_acl').entries()) {
    const network = networkFrom(key);
    networks.set(networkText(network), network);
  }
  return networks;
}

function tableOf(
  loaded: LoadedObject<L4Tc>,
  outer: 'l4_sel' | 'l4_list',
  id: number,
  count: number,
): Uint32Array {
  const inner = count > 0 ? loaded.map(outer).get(id) : undefined;
  if (inner === undefined) return new Uint32Array(0);
  return readTable(inner, count);
}

function protocolOf(number: number): Protocol | undefined {
  return PROTOCOL_NAMES.find((name) => PROTOCOLS[name] === number);
}
