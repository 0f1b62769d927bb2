/**
 * What becomes of flows when a balancer leaves or joins, played through without a packet: the hash
 * and the tables are those of the data plane, the router is one of three.
 *
 * @module
 */
import { murmur3 } from '../../src/hash.ts';
import { maglevTable, ringTable, type TableMember } from '../../src/tables.ts';
import { type Router, type RouterKind, ROUTERS } from './ecmp.ts';

/** Seed of the router's hash; the data plane's own is 0. */
const ROUTER_SEED = 0x5bd1e995;
/** Seed of what decides when flows began. */
const STORY_SEED = 0x1b873593;

/** The servers of a service while the flows of today began. */
export interface Servers {
  readonly count: number;
  /** Replaced by new ones, one after the other, as in a rolling deployment. */
  readonly replaced: number;
  /** Slots of the Maglev table. */
  readonly tableSlots: number;
}

export interface Story {
  readonly flows: Flows;
  readonly nodes: number;
  readonly router: RouterKind;
  readonly event: 'loss' | 'join';
}

/** Flows by their hashes: what the router goes by, what the data plane goes by, and when they began. */
export interface Flows {
  readonly atRouter: Uint32Array;
  readonly atBalancer: Uint32Array;
  readonly beginning: Uint32Array;
}

export function flowsOf(count: number): Flows {
  const hashes = (seed: number): Uint32Array =>
    Uint32Array.from({ length: count }, (_, flow) => murmur3(bytesOf(flow), seed));
  return { atRouter: hashes(ROUTER_SEED), atBalancer: hashes(0), beginning: hashes(STORY_SEED) };
}

/** Shares of all flows whose server is still there, from 0 to 1. */
export interface Outcome {
  /** Come to another balancer than before: the end of full NAT, and of schedulers without a key. */
  readonly moved: number;
  /** Come to another server than before, and end: direct routing and tunnels by Maglev. */
  readonly endedByMaglev: number;
  /** The same by the consistent-hash ring. */
  readonly endedByRing: number;
  /** Flows of the busiest balancer afterwards over the mean. */
  readonly busiest: number;
}

export function play(story: Story, { maglev, ring, present }: History): Outcome {
  const before = routerBefore(story);
  const after = story.event === 'loss' ? before.without(0) : before.with(story.nodes);
  const { atRouter, atBalancer, beginning } = story.flows;
  const load = new Map<number, number>();
  let [counted, moved, byMaglev, byRing] = [0, 0, 0, 0];
  for (const [flow, routerHash] of atRouter.entries()) {
    const began = beginning[flow]! % maglev.length;
    const hash = atBalancer[flow]!;
    const fate = fateOf(maglev, { began, hash, present });
    const ringFate = fateOf(ring, { began, hash, present });
    if (fate === 'server gone' || ringFate === 'server gone') continue;
    counted++;
    const to = after.nextHop(routerHash);
    load.set(to, (load.get(to) ?? 0) + 1);
    if (before.nextHop(routerHash) === to) continue;
    moved++;
    if (fate === 'other server') byMaglev++;
    if (ringFate === 'other server') byRing++;
  }
  const nodesAfter = story.nodes + (story.event === 'loss' ? -1 : 1);
  return {
    moved: moved / counted,
    endedByMaglev: byMaglev / counted,
    endedByRing: byRing / counted,
    busiest: (Math.max(...load.values()) * nodesAfter) / counted,
  };
}

/** With the one that will leave as 0; whoever joins has the next number. */
function routerBefore({ router, nodes }: Story): Router {
  return ROUTERS[router](Array.from({ length: nodes }, (_, node) => node));
}

/** What the tables of both schedulers were, the present ones last, and who is there now. */
export interface History {
  readonly maglev: readonly Uint32Array[];
  readonly ring: readonly Uint32Array[];
  readonly present: ReadonlySet<number>;
}

/** Moments at which the tables are looked at while servers are replaced. */
const MOMENTS = 10;

export function historyOf({ count, replaced, tableSlots }: Servers): History {
  const moments = Math.min(MOMENTS, replaced);
  const stages = Array.from({ length: moments + 1 }, (_, moment) =>
    serversAfter(count, moments === 0 ? 0 : Math.round((replaced * moment) / moments)),
  );
  return {
    maglev: stages.map((members) => maglevTable(members, tableSlots)),
    ring: stages.map(ringTable),
    present: new Set(stages.at(-1)!.map(({ slot }) => slot)),
  };
}

/** The first `replaced` servers have made way for others with numbers and addresses of their own. */
function serversAfter(count: number, replaced: number): readonly TableMember[] {
  return Array.from({ length: count }, (_, place) => {
    const slot = place < replaced ? count + place : place;
    return { slot, id: `10.${slot >> 16}.${(slot >> 8) & 255}.${slot & 255}:80`, weight: 1 };
  });
}

type Fate = 'same server' | 'other server' | 'server gone';

function fateOf(
  tables: readonly Uint32Array[],
  flow: {
    readonly began: number;
    readonly hash: number;
    readonly present: ReadonlySet<number>;
  },
): Fate {
  const server = choose(tables[flow.began]!, flow.hash);
  if (!flow.present.has(server)) return 'server gone';
  return choose(tables.at(-1)!, flow.hash) === server ? 'same server' : 'other server';
}

/** As `bpf/select.h` reads it: Maglev modulo its prime, the ring by the upper half of the hash. */
function choose(table: Uint32Array, hash: number): number {
  return table.length === 65_536 ? table[hash >>> 16]! : table[hash % table.length]!;
}

function bytesOf(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
