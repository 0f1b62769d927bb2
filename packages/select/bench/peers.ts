/**
 * Peers from npm that answer the same question, as loops over one pick of each. The npm versions
 * are pinned in the lock file. All nodes are up, because most peers know nothing of health.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { BalancedPool } from 'undici';
import { CONSTANT_KEY, KEY_MASK, randomKeys } from './keys.ts';
import { countingNodes } from './nodes.ts';
import type { PolicyName } from './policies.ts';
import type { Loop } from './subjects.ts';

export interface Peer {
  readonly name: string;
  /** Our policy that does the same. */
  readonly policy: PolicyName;
  readonly keys: 'constant' | 'random';
  readonly create: (nodeCount: number) => Loop;
}

const load = createRequire(import.meta.url);
/** Points per node of our ring, and of hashring's. */
const POINTS_PER_NODE = 160;

export const PEERS: readonly Peer[] = [
  {
    name: 'loadbalance roundRobin',
    policy: 'roundRobin',
    keys: 'constant',
    create: (nodeCount) => pickLoop(loadbalance().roundRobin(ids(nodeCount))),
  },
  {
    name: 'undici BalancedPool',
    policy: 'weightedRoundRobin',
    keys: 'constant',
    create: undiciLoop,
  },
  {
    name: 'loadbalance random',
    policy: 'random',
    keys: 'constant',
    create: (nodeCount) => pickLoop(loadbalance().random(ids(nodeCount))),
  },
  {
    name: 'hashring, one key (cached)',
    policy: 'hash',
    keys: 'constant',
    create: (nodeCount) => constantKeyLoop(hashring(nodeCount)),
  },
  {
    name: 'hashring, 65 536 keys',
    policy: 'hash',
    keys: 'random',
    create: (nodeCount) => randomKeyLoop(hashring(nodeCount)),
  },
  {
    name: 'consistent-hash, one key',
    policy: 'hash',
    keys: 'constant',
    create: (nodeCount) => constantKeyLoop(consistentHash(nodeCount)),
  },
  {
    name: 'consistent-hash, 65 536 keys',
    policy: 'hash',
    keys: 'random',
    create: (nodeCount) => randomKeyLoop(consistentHash(nodeCount)),
  },
];

interface Engine {
  pick(): string;
}

interface KeyedRing {
  get(key: string): string;
}

function pickLoop(engine: Engine): Loop {
  return (picks) => {
    let last = '';
    for (let n = 1; n <= picks; n++) last = engine.pick();
    return last;
  };
}

function constantKeyLoop(ring: KeyedRing): Loop {
  return (picks) => {
    let last = '';
    for (let n = 1; n <= picks; n++) last = ring.get(CONSTANT_KEY);
    return last;
  };
}

function randomKeyLoop(ring: KeyedRing): Loop {
  const keys = randomKeys();
  return (picks) => {
    let last = '';
    for (let n = 1; n <= picks; n++) last = ring.get(keys[n & KEY_MASK]!);
    return last;
  };
}

/** The choice inside `dispatch`; undici hides it behind a symbol, and it opens no connection. */
function undiciLoop(nodeCount: number): Loop {
  const origins = ids(nodeCount).map((id) => `http://${id}`);
  const pool = new BalancedPool(origins);
  const symbol = Object.getOwnPropertySymbols(BalancedPool.prototype).find(
    ({ description }) => description === 'get dispatcher',
  );
  if (symbol === undefined) throw new Error('undici: BalancedPool no longer has "get dispatcher"');
  const choice = symbol as unknown as 'choose';
  const chooser = pool as unknown as { choose(): unknown };
  return (picks) => {
    let last: unknown;
    for (let n = 1; n <= picks; n++) last = chooser[choice]();
    return last;
  };
}

function loadbalance(): Record<'roundRobin' | 'random', (pool: readonly string[]) => Engine> {
  return load('loadbalance') as ReturnType<typeof loadbalance>;
}

function hashring(nodeCount: number): KeyedRing {
  const HashRing = load('hashring') as new (nodes: readonly string[]) => KeyedRing;
  return new HashRing(ids(nodeCount));
}

function consistentHash(nodeCount: number): KeyedRing {
  const ConsistentHash = load('consistent-hash') as new () => KeyedRing & {
    add(node: string, points: number): void;
  };
  const ring = new ConsistentHash();
  for (const id of ids(nodeCount)) ring.add(id, POINTS_PER_NODE);
  return ring;
}

function ids(nodeCount: number): string[] {
  return countingNodes(nodeCount, 'allUp').map(({ id }) => id);
}
