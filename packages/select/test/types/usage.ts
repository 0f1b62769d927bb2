/**
 * Compiled, never run: what a user writes under the strictest settings, and what must not compile.
 *
 * @module
 */
import {
  Balancer,
  hash,
  Node,
  policies,
  subset,
  type BalancerStats,
  type Lease,
  type NodeLike,
  type Picker,
  type Policy,
} from '@balancer/select';

export const named: Balancer = new Balancer({
  policy: policies.sticky({ inner: policies.p2c({ choices: 3 }), ttlMs: 1000 }),
  nodes: [new Node('a', { weight: 2, zone: 'x', maxConcurrency: 10 })],
  outlier: { successRate: false },
  slowStart: { windowMs: 1000 },
  clock: 'coarse',
});

export const withData = new Balancer({
  policy: policies.first(),
  nodes: [new Node('a', { data: { port: 80 } })],
});
export const port: number | undefined = withData.next()?.data.port;
export const lease: Lease<Node<{ port: number }>> | null = withData.acquire('key');
export const answer: Promise<string> = withData.run(({ data }, { signal, attempt }) =>
  Promise.resolve(`${data.port} ${attempt} ${signal.aborted}`),
);
export const stats: BalancerStats = named.stats();
export const unsigned: number = hash.murmur3('key', 0);
export const slice: string[] = subset(['a', 'b'], 1, 0);

class Replica implements NodeLike {
  readonly id: string;
  readonly lagMs = 0;

  constructor(id: string) {
    this.id = id;
  }

  isHealthy(): boolean {
    return this.lagMs < 1000;
  }

  load(): number {
    return 0;
  }

  totalRequests(): number {
    return 0;
  }

  averageResponseTime(): number {
    return 0;
  }
}

const replicas = new Balancer<Replica>({ policy: policies.leastTime() });
replicas.add(new Replica('r1'));
export const lag: number | undefined = replicas.next(7)?.lagMs;
replicas.on('health', (replica, healthy, reason) => {
  const line: string = `${replica.lagMs} ${healthy ? 'up' : 'down'} ${reason.trim()}`;
  void line;
});

/** A policy of one's own. */
export const last: Policy = {
  name: 'last',
  reads: {},
  createPicker: (): Picker => ({
    pick: ({ eligible, eligibleCount }) =>
      eligibleCount === 0 ? -1 : eligible[eligibleCount - 1]!,
  }),
};

// @ts-expect-error a policy is required
void new Balancer({});
// @ts-expect-error a policy has a name of its own; strings are not looked up
void new Balancer({ policy: 'roundRobin' });
// @ts-expect-error weights are numbers
void new Node('a', { weight: '2' });
// @ts-expect-error undefined is not a weight under exactOptionalPropertyTypes
void new Node('a', { weight: undefined });
// @ts-expect-error keys are strings or numbers
named.next({});
// @ts-expect-error tie breaks are named
policies.leastConnection({ tieBreak: 'last' });
// @ts-expect-error sticky needs an inner policy
policies.sticky({});
// @ts-expect-error a node must have its methods
replicas.add({ id: 'x' });
// @ts-expect-error next may return null
named.next().begin();
// @ts-expect-error there is no such event
named.on('pick', () => undefined);
// @ts-expect-error nodes is a snapshot
named.nodes.push(new Node('b'));
// @ts-expect-error ids are constant
named.next()!.id = 'other';
