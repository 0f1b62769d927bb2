/**
 * Small makers for the tests of this package.
 *
 * @module
 */
import { Balancer, Node, type BalancerOptions, type Key, type NodeLike } from '../src/index.ts';

/** Nodes `node-0` to `node-(count - 1)`, with the weights given. */
export function nodes(count: number, weights: readonly number[] = []): Node[] {
  return Array.from(
    { length: count },
    (_, i) => new Node(`node-${i}`, { weight: weights[i] ?? 1 }),
  );
}

/** A balancer that repeats itself, over `count` equal nodes unless nodes are given. */
export function balancerOf(
  options: Partial<BalancerOptions<Node>> & Pick<BalancerOptions<Node>, 'policy'>,
  count = 5,
): Balancer {
  return new Balancer({ seed: 1, nodes: nodes(count), ...options });
}

/** Ranks (`node-3` is 3) of `count` picks; -1 for `null`. */
export function pickRanks<N extends NodeLike>(
  balancer: Balancer<N>,
  count: number,
  key?: Key,
): number[] {
  return Array.from({ length: count }, () => rankOf(balancer.next(key)));
}

export function rankOf(node: NodeLike | null): number {
  return node === null ? -1 : Number(node.id.slice('node-'.length));
}

/** A node that answers what its fields say, as a caller might write one. */
export class OwnNode implements NodeLike {
  readonly id: string;
  healthy = true;
  inFlight = 0;
  total = 0;
  averageMs = 0;
  weight = 1;
  maxConcurrency: number | undefined;

  constructor(id: string, fields: Partial<Omit<OwnNode, 'id'>> = {}) {
    this.id = id;
    Object.assign(this, fields);
  }

  isHealthy(): boolean {
    return this.healthy;
  }

  load(): number {
    return this.inFlight;
  }

  totalRequests(): number {
    return this.total;
  }

  averageResponseTime(): number {
    return this.averageMs;
  }
}

/** A clock that stands still until it is told otherwise. */
export class FakeClock {
  nowMs: number;

  constructor(nowMs = 1_000_000) {
    this.nowMs = nowMs;
  }

  readonly now = (): number => this.nowMs;

  advance(ms: number): void {
    this.nowMs += ms;
  }
}

/** How often each value occurs, by rank. */
export function countByRank(ranks: readonly number[], size: number): number[] {
  const counts = Array.from({ length: size }, () => 0);
  for (const rank of ranks) counts[rank]!++;
  return counts;
}
