/**
 * How a router spreads flows over balancers, and what that makes of a balancer that leaves or joins.
 *
 * @module
 */

/** Size of the space of a flow's hash at the router. */
const HASH_SPACE = 2 ** 32;

/** Buckets of a resilient group; a power of two as switches have them. */
const RESILIENT_BUCKETS = 4096;

/** A router that has a number of next hops. Next hops keep their names; the first ones are 0, 1, … */
export interface Router {
  /** The next hop of a flow, by the router's hash of it. */
  nextHop(hash: number): number;
  without(node: number): Router;
  with(node: number): Router;
}

export const ROUTERS = {
  modulo,
  threshold,
  resilient,
} as const satisfies Readonly<Record<string, (nodes: readonly number[]) => Router>>;

export type RouterKind = keyof typeof ROUTERS;

/** The hash modulo the number of next hops: the simplest, and the worst for flows. */
function modulo(nodes: readonly number[]): Router {
  return spreading(nodes, modulo, (hash) => hash % nodes.length);
}

/** Equal regions of the hash space. Source: RFC 2992; what Linux does with a plain multipath route. */
function threshold(nodes: readonly number[]): Router {
  return spreading(nodes, threshold, (hash) => Math.floor((hash / HASH_SPACE) * nodes.length));
}

function spreading(
  nodes: readonly number[],
  again: (nodes: readonly number[]) => Router,
  indexOf: (hash: number) => number,
): Router {
  return {
    nextHop: (hash) => nodes[indexOf(hash)]!,
    without: (node) => again(nodes.filter((each) => each !== node)),
    with: (node) => again([...nodes, node]),
  };
}

/** Buckets that keep their next hop as long as it is there: `nexthop ... type resilient` of Linux. */
function resilient(nodes: readonly number[]): Router {
  const buckets = Array.from({ length: RESILIENT_BUCKETS }, (_, at) => nodes[at % nodes.length]!);
  return bucketRouter(buckets, nodes);
}

function bucketRouter(buckets: readonly number[], nodes: readonly number[]): Router {
  return {
    nextHop: (hash) => buckets[hash % buckets.length]!,
    without: (node) => {
      const rest = nodes.filter((each) => each !== node);
      let turn = 0;
      const next = buckets.map((owner) => (owner === node ? rest[turn++ % rest.length]! : owner));
      return bucketRouter(next, rest);
    },
    with: (node) => {
      const all = [...nodes, node];
      const share = Math.floor(buckets.length / all.length);
      const left = new Map(nodes.map((each) => [each, share + 1]));
      const next = buckets.map((owner) => {
        const keeps = left.get(owner) ?? 0;
        left.set(owner, keeps - 1);
        return keeps > 0 ? owner : node;
      });
      return bucketRouter(next, all);
    },
  };
}
