/**
 * Random operations against a naive model: plain arrays, no caches, every rule written out as it is
 * defined. Policies that draw are compared through the same seeded source.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Balancer,
  hash,
  maglevRow,
  Node,
  policies,
  Xorshift32,
  type Policy,
} from '../src/index.ts';
import * as COUNTER from '../src/counters.ts';
import { countersOf, NODE_AVERAGE_TAU_MS } from '../src/node.ts';
import { FakeClock, OwnNode, rankOf } from './support.ts';

const OPERATIONS = process.env.BALANCER_TEST_LONG === undefined ? 10_000 : 200_000;
const RUN_LENGTH = 100;
const TIMEOUT_MS = 120_000;

/** One node as the model sees it. */
interface Plain {
  rank: number;
  weight: number;
  load: number;
  healthy: boolean;
  limit: number;
  credit: number;
  /** Peak-sensitive average in milliseconds, as of `averageAtMs`; 0 = nothing completed. */
  averageMs: number;
  averageAtMs: number;
  completed: number;
}

/** Answer of a model that leaves the choice among the eligible nodes open. */
const ANY = -2;

interface Model {
  nodes: Plain[];
  /** Set by the test; the model reads the time and may not advance it. */
  clock?: FakeClock;
  /** True when the nodes are polled. */
  isPolled?: boolean;
  pick(key: string): number;
  /** Called with the nodes' positions before removal, and when one became eligible again. */
  removed?(index: number): void;
}

const isEligible = (node: Plain): boolean =>
  node.healthy && node.weight > 0 && node.load < node.limit;

/** Lowest by `score`, the first in scan order winning ties. */
function lowest(order: readonly Plain[], score: (node: Plain) => number): Plain | undefined {
  let best: Plain | undefined;
  for (const node of order) {
    if (isEligible(node) && (best === undefined || score(node) < score(best))) best = node;
  }
  return best;
}

const models: Record<string, { policy: () => Policy; make: (random: Xorshift32) => Model }> = {
  roundRobin: {
    policy: () => policies.roundRobin(),
    make: () => {
      let cursor = 0;
      const model: Model = {
        nodes: [],
        pick() {
          for (let k = 0; k < model.nodes.length; k++) {
            const i = (cursor + k) % model.nodes.length;
            if (!isEligible(model.nodes[i]!)) continue;
            cursor = (i + 1) % model.nodes.length;
            return model.nodes[i]!.rank;
          }
          return -1;
        },
        removed(index) {
          if (index < cursor) cursor--;
          if (model.nodes.length > 0) cursor %= model.nodes.length;
        },
      };
      return model;
    },
  },
  weightedRoundRobin: {
    policy: () => policies.weightedRoundRobin(),
    make: () => {
      const model: Model = {
        nodes: [],
        pick() {
          const eligible = model.nodes.filter(isEligible);
          for (const node of eligible) node.credit += node.weight;
          const best = eligible.toSorted((a, b) => b.credit - a.credit)[0];
          if (best === undefined) return -1;
          best.credit -= eligible.reduce((sum, node) => sum + node.weight, 0);
          return best.rank;
        },
      };
      return model;
    },
  },
  leastConnection: {
    policy: () => policies.leastConnection(),
    make: () => {
      let last = -1;
      const model: Model = {
        nodes: [],
        pick() {
          const order = [...model.nodes.slice(last + 1), ...model.nodes.slice(0, last + 1)];
          const best = lowest(order, (node) => (node.load + 1) / node.weight);
          if (best !== undefined) last = model.nodes.indexOf(best);
          return best?.rank ?? -1;
        },
        removed(index) {
          if (index <= last) last--;
        },
      };
      return model;
    },
  },
  first: {
    policy: () => policies.first(),
    make: () => {
      const model: Model = {
        nodes: [],
        pick: () => model.nodes.find(isEligible)?.rank ?? -1,
      };
      return model;
    },
  },
  moduloHash: {
    policy: () => policies.moduloHash(),
    make: () => {
      const model: Model = {
        nodes: [],
        pick(key) {
          if (model.nodes.length === 0) return -1;
          const chosen = model.nodes[hash.fnv1_32(key) % model.nodes.length]!;
          return isEligible(chosen) ? chosen.rank : (model.nodes.find(isEligible)?.rank ?? -1);
        },
      };
      return model;
    },
  },
  random: {
    policy: () => policies.random(),
    make: (random) => {
      const model: Model = {
        nodes: [],
        pick() {
          const eligible = model.nodes.filter(isEligible);
          if (eligible.length === 0) return -1;
          const total = eligible.reduce((sum, node) => sum + node.weight, 0);
          const drawn = (random.next() / 2 ** 32) * total;
          let sum = 0;
          for (const node of eligible) {
            sum += node.weight;
            if (sum > drawn) return node.rank;
          }
          return eligible.at(-1)!.rank;
        },
      };
      return model;
    },
  },
  rendezvous: {
    policy: () => policies.rendezvous(),
    make: () => {
      const model: Model = {
        nodes: [],
        pick(key) {
          const score = (node: Plain): number => {
            const product = Math.imul(hash.murmur3(`node-${node.rank}`, 0), 0x9e3779b1);
            const mix = finalise(hash.murmur3(key, 0) ^ product);
            return node.weight / Math.log((mix + 0.5) / 2 ** 32);
          };
          const byId = model.nodes.toSorted((a, b) =>
            `node-${a.rank}` < `node-${b.rank}` ? -1 : 1,
          );
          return lowest(byId, score)?.rank ?? -1;
        },
      };
      return model;
    },
  },
  hash: {
    policy: () => policies.hash({ replicas: 5 }),
    make: () => {
      const model: Model = {
        nodes: [],
        pick: (key) => walkRing(model.nodes, key, isEligible),
      };
      return model;
    },
  },
  boundedHash: {
    policy: () => policies.boundedHash({ replicas: 5, c: 1.5 }),
    make: () => {
      const model: Model = {
        nodes: [],
        pick(key) {
          const eligible = model.nodes.filter(isEligible);
          const jobs = eligible.reduce((sum, node) => sum + node.load, 1);
          const total = eligible.reduce((sum, node) => sum + node.weight, 0);
          return walkRing(
            model.nodes,
            key,
            (node) => isEligible(node) && node.load < Math.ceil((1.5 * jobs * node.weight) / total),
          );
        },
      };
      return model;
    },
  },
};

Object.assign(models, {
  leastTime: {
    policy: () => policies.leastTime(),
    make: () => {
      let last = -1;
      const model: Model = {
        nodes: [],
        pick() {
          const order = [...model.nodes.slice(last + 1), ...model.nodes.slice(0, last + 1)];
          const best = lowest(order, (node) => {
            const isCold = node.averageMs === 0;
            if (isCold) return node.load === 0 ? -1 : 1e9 + node.load;
            return averageNow(node, model) / node.weight;
          });
          if (best !== undefined) last = model.nodes.indexOf(best);
          return best?.rank ?? -1;
        },
        removed(index) {
          if (index <= last) last--;
        },
      };
      return model;
    },
  },
  peakEwma: {
    policy: () => policies.peakEwma({ choices: 'all', tauMs: NODE_AVERAGE_TAU_MS }),
    make: () => {
      const model: Model = {
        nodes: [],
        pick() {
          // The policy learns from jobs that balancers ran, which polled nodes here are not.
          if (model.isPolled === true) return ANY;
          const best = lowest(model.nodes, (node) => {
            if (node.completed === 0) return node.load === 0 ? 0 : 1e15 + node.load;
            return (averageNow(node, model) * (node.load + 1)) / node.weight;
          });
          return best?.rank ?? -1;
        },
      };
      return model;
    },
  },
  p2c: {
    policy: () => policies.p2c(),
    make: (random) => {
      const model: Model = {
        nodes: [],
        pick() {
          // Polled nodes are drawn before they are asked: another sequence of the same kind.
          if (model.isPolled === true) return ANY;
          const eligible = model.nodes.filter(isEligible);
          const draw = (n: number): number => Math.floor((random.next() / 2 ** 32) * n);
          if (eligible.length === 0) return -1;
          const i = draw(eligible.length);
          if (eligible.length === 1) return eligible[i]!.rank;
          let j = draw(eligible.length - 1);
          if (j >= i) j++;
          return lowest([eligible[i]!, eligible[j]!], (node) => (node.load + 1) / node.weight)!
            .rank;
        },
      };
      return model;
    },
  },
  maglev: {
    policy: () => policies.maglev({ tableSize: 1021 }),
    make: () => {
      const model: Model = {
        nodes: [],
        pick: (key) => pickMaglev(model.nodes, key, 1021),
      };
      return model;
    },
  },
  sticky: {
    policy: () => policies.sticky({ inner: policies.first() }),
    make: () => {
      const table = new Map<string, Plain>();
      const model: Model = {
        nodes: [],
        pick(key) {
          const kept = table.get(key);
          const isHere = kept !== undefined && model.nodes.includes(kept) && kept.healthy;
          if (isHere && kept.load < kept.limit) return kept.rank;
          const chosen = model.nodes.find(isEligible);
          if (chosen !== undefined && !isHere) table.set(key, chosen);
          return chosen?.rank ?? -1;
        },
      };
      return model;
    },
  },
} satisfies typeof models);

describe.each(Object.entries(models))('%s', (_name, { policy, make }) => {
  test.each(['built-in', 'own'] as const)(
    'agrees with its model after any operations on %s nodes',
    (kind) => {
      fc.assert(
        fc.property(
          fc.nat(),
          fc.array(fc.nat({ max: 6999 }), { minLength: RUN_LENGTH, maxLength: RUN_LENGTH }),
          (seed, operations) => {
            const clock = new FakeClock();
            const model = Object.assign(make(new Xorshift32(seed)), {
              clock,
              isPolled: kind === 'own',
            });
            const balancer = new Balancer<Node | OwnNode>({ policy: policy(), seed, clock });
            for (const code of operations) {
              step(balancer, model, kind, {
                what: Math.floor(code / 70),
                rank: Math.floor(code / 7) % 10,
                value: code % 7,
              });
            }
          },
        ),
        { numRuns: OPERATIONS / RUN_LENGTH },
      );
    },
    TIMEOUT_MS,
  );
});

/** Applies one operation to both and, when it is a pick, compares the answers. */
function step(
  balancer: Balancer<Node | OwnNode>,
  model: Model,
  kind: 'built-in' | 'own',
  { what, rank, value }: { what: number; rank: number; value: number },
): void {
  const id = `node-${rank}`;
  const node = balancer.get(id);
  const at = model.nodes.findIndex((each) => each.rank === rank);
  const plain = model.nodes[at];
  if (node === undefined || plain === undefined) {
    if (what < 60) add(balancer, model, kind, rank, value);
  } else if (what < 4) {
    balancer.remove(id);
    model.nodes.splice(at, 1);
    model.removed?.(at);
  } else if (what < 14) {
    changing(plain, () => (plain.healthy = !plain.healthy));
    node.healthy = plain.healthy;
  } else if (what < 22) {
    changing(plain, () => (plain.weight = value));
    balancer.update(id, { weight: value });
  } else if (what < 40) {
    changing(plain, () => plain.load++);
    if (node instanceof Node) jobsOf(node).push(node.begin());
    else node.inFlight++;
  } else if (what < 60 && plain.load > 0) {
    complete(node, plain, model.clock!, value + 1);
  }
  const key = `key-${value}`;
  agree(rankOf(balancer.next(key)), model.pick(key), model);
  if (policiesWithoutKeys.has(balancer.policy.name)) {
    agree(rankOf(balancer.next()), model.pick(''), model);
  }
}

/** A plain comparison first: a million assertions would cost more than what they check. */
function agree(actual: number, expected: number, model: Model): void {
  if (actual === expected) return;
  const eligible = model.nodes.filter(isEligible).map((node) => node.rank);
  if (expected === ANY) expect(eligible.length === 0 ? [-1] : eligible).toContain(actual);
  else expect(actual).toBe(expected);
}

const jobTokens = new WeakMap<Node, number[]>();

function jobsOf(node: Node): number[] {
  const tokens = jobTokens.get(node) ?? [];
  jobTokens.set(node, tokens);
  return tokens;
}

/** Ends the youngest job after `ms`, on the node and in the model. */
function complete(node: Node | OwnNode, plain: Plain, clock: FakeClock, ms: number): void {
  const before = clock.nowMs;
  if (node instanceof Node) {
    const token = jobsOf(node).pop()!;
    node.end(token);
    // The job was begun at some earlier time; only what the node measured can be modelled.
    const latencyMs = countersOf(node)[COUNTER.LAST_LATENCY_MS]!;
    const kept = Math.exp((plain.averageAtMs - before) / NODE_AVERAGE_TAU_MS);
    const isPeak = latencyMs > plain.averageMs;
    plain.averageMs = isPeak ? latencyMs : plain.averageMs * kept + latencyMs * (1 - kept);
  } else {
    node.inFlight--;
    node.averageMs = ms;
    plain.averageMs = ms;
  }
  plain.averageAtMs = before;
  plain.completed++;
  changing(plain, () => plain.load--);
  clock.advance(ms);
}

/** Built-in nodes forget while they are unused; a caller's own answer as they like. */
function averageNow(node: Plain, model: Model): number {
  if (model.isPolled === true) return node.averageMs;
  return node.averageMs * Math.exp((node.averageAtMs - model.clock!.nowMs) / NODE_AVERAGE_TAU_MS);
}

const slotTables = new Map<string, number[]>();

function pickMaglev(nodes: readonly Plain[], key: string, size: number): number {
  const sorted = nodes.toSorted((a, b) => a.rank - b.rank);
  if (sorted.length === 0) return -1;
  const signature = sorted.map(({ rank, weight }) => `${rank}:${weight}`).join();
  const slots = slotTables.get(signature) ?? fillSlots(sorted, size);
  slotTables.set(signature, slots);
  const keyHash = hash.murmur3(key, 0);
  const step = (hash.murmur3(key, 0x9747b28c) % (size - 1)) + 1;
  for (let retry = 0; retry <= 8; retry++) {
    const node = sorted[slots[(keyHash + retry * step) % size]!]!;
    if (isEligible(node)) return node.rank;
  }
  for (let k = 0; k < sorted.length; k++) {
    const node = sorted[((keyHash % sorted.length) + k) % sorted.length]!;
    if (isEligible(node)) return node.rank;
  }
  return -1;
}

const policiesWithoutKeys = new Set(['roundRobin', 'weightedRoundRobin', 'leastConnection']);

function add(
  balancer: Balancer<Node | OwnNode>,
  model: Model,
  kind: 'built-in' | 'own',
  rank: number,
  weight: number,
): void {
  const id = `node-${rank}`;
  // Two of ten nodes are soon full.
  const limit = rank < 2 ? 3 : Infinity;
  const maxConcurrency = limit === Infinity ? undefined : limit;
  balancer.add(
    kind === 'own'
      ? new OwnNode(id, { weight, maxConcurrency })
      : new Node(id, { weight, ...(maxConcurrency === undefined ? {} : { maxConcurrency }) }),
  );
  model.nodes.push({
    rank,
    weight,
    load: 0,
    healthy: true,
    limit,
    credit: 0,
    averageMs: 0,
    averageAtMs: 0,
    completed: 0,
  });
}

/** A node that becomes eligible again has lost the credit it had. */
function changing(node: Plain, change: () => void): void {
  const before = isEligible(node);
  change();
  if (!before && isEligible(node)) node.credit = 0;
}

function fillSlots(sorted: readonly Plain[], size: number): number[] {
  const slots: number[] = Array.from({ length: size }, () => -1);
  const isWeightless = sorted.every((node) => node.weight === 0);
  const weights = sorted.map((node) => (isWeightless ? 1 : node.weight));
  const heaviest = Math.max(...weights);
  const starts = sorted.map((node) => maglevRow(`node-${node.rank}`, 1, size));
  const earned = sorted.map(() => 0);
  const steps = sorted.map(() => 0);
  for (let filled = 0; filled < size;) {
    sorted.forEach((_, i) => {
      earned[i]! += weights[i]!;
      if (earned[i]! < heaviest || filled === size) return;
      earned[i]! -= heaviest;
      const { offset, skip } = starts[i]!;
      const slot = (): number => (offset + steps[i]! * skip) % size;
      while (slots[slot()]! >= 0) steps[i]!++;
      slots[slot()] = i;
      filled++;
    });
  }
  return slots;
}

function walkRing(nodes: readonly Plain[], key: string, accepts: (node: Plain) => boolean): number {
  const total = nodes.reduce((sum, node) => sum + node.weight, 0);
  const points = nodes.flatMap((node) => {
    const share = total === 0 ? 0 : (5 * nodes.length * node.weight) / total;
    return Array.from({ length: Math.max(1, Math.round(share)) }, (_, replica) => ({
      node,
      hash: hash.murmur3(`node-${node.rank}#${replica}`, 0),
    }));
  });
  points.sort((a, b) => a.hash - b.hash || (`${a.node.rank}` < `${b.node.rank}` ? -1 : 1));
  const start = points.findIndex((point) => point.hash >= hash.murmur3(key, 0));
  const from = Math.max(0, start);
  const order = [...points.slice(from), ...points.slice(0, from)];
  return order.find((point) => accepts(point.node))?.node.rank ?? -1;
}

function finalise(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
