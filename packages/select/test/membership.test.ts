import { describe, expect, test } from 'vitest';
import { Balancer, DuplicateNodeError, Node, policies, type NodeLike } from '../src/index.ts';
import { balancerOf, nodes, OwnNode, pickRanks, rankOf } from './support.ts';

describe('membership', () => {
  test('keeps insertion order in a frozen snapshot', () => {
    const balancer = balancerOf({ policy: policies.first() }, 3);
    expect(balancer.nodes.map(rankOf)).toEqual([0, 1, 2]);
    expect(Object.isFrozen(balancer.nodes)).toBe(true);
    expect(balancer.nodes).toBe(balancer.nodes);
    const before = balancer.nodes;
    balancer.add(new Node('node-3'));
    expect(before).toHaveLength(3);
    expect([balancer.size, balancer.has('node-3'), balancer.has('x')]).toEqual([4, true, false]);
  });

  test('adds none of the nodes when one of them is a duplicate', () => {
    const balancer = balancerOf({ policy: policies.first() }, 2);
    const add = (): void => balancer.add(new Node('x'), new Node('node-1'));
    expect(add).toThrow(DuplicateNodeError);
    expect(add).toThrow('node "node-1" is already in the pool');
    expect(balancer.size).toBe(2);
    expect(() => balancer.add(new Node('y'), new Node('y'))).toThrow('node "y"');
    expect(() => balancer.set([new Node('z'), new Node('z')])).toThrow('node "z"');
    expect(balancer.nodes.map((node) => node.id)).toEqual(['node-0', 'node-1']);
  });

  test('set() keeps nodes with their counters and health, and takes new weights', () => {
    const balancer = balancerOf({ policy: policies.weightedRoundRobin() }, 3);
    const kept = balancer.get('node-1')!;
    kept.begin();
    kept.healthy = false;
    const events: string[] = [];
    for (const name of ['add', 'remove', 'update'] as const) {
      balancer.on(name, (node) => events.push(`${name} ${node.id}`));
    }
    balancer.set([new Node('node-3'), new Node('node-1', { weight: 5 }), new Node('node-2')]);
    expect(balancer.nodes.map(rankOf)).toEqual([3, 1, 2]);
    expect(balancer.get('node-1')).toBe(kept);
    expect([kept.weight, kept.load(), kept.healthy]).toEqual([5, 1, false]);
    expect(events).toEqual(['remove node-0', 'update node-1', 'add node-3']);
  });

  test('set() of the same nodes leaves the rotation where it was', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 3);
    expect(pickRanks(balancer, 2)).toEqual([0, 1]);
    balancer.set(nodes(3));
    expect(pickRanks(balancer, 2)).toEqual([2, 0]);
  });

  test('a changed weight counts from the next pick', () => {
    const balancer = balancerOf({ policy: policies.weightedRoundRobin() }, 2);
    balancer.get('node-0')!.weight = 3;
    expect(pickRanks(balancer, 4)).toEqual([0, 0, 1, 0]);
    expect(balancer.update('node-1', { weight: 0 })).toBe(true);
    expect(pickRanks(balancer, 2)).toEqual([0, 0]);
    expect(balancer.update('nobody', { weight: 1 })).toBe(false);
  });

  test('a removed node may still end its jobs', () => {
    const balancer = balancerOf({ policy: policies.leastConnection() }, 2);
    const node = balancer.get('node-0')!;
    const token = node.begin();
    expect(balancer.remove('node-0')).toBe(node);
    expect(balancer.remove('node-0')).toBeUndefined();
    node.end(token);
    expect([node.load(), node.misuse]).toEqual([0, 0]);
    expect(pickRanks(balancer, 2)).toEqual([1, 1]);
  });

  test('a node may be in two pools', () => {
    const shared = new Node('node-0');
    const policy = policies.leastConnection();
    const one = new Balancer({ policy, nodes: [shared, new Node('node-1')] });
    const two = new Balancer({ policy, nodes: [shared, new Node('node-2')] });
    shared.begin();
    expect([rankOf(one.next()), rankOf(two.next())]).toEqual([1, 2]);
    shared.healthy = false;
    expect([rankOf(one.next()), rankOf(two.next())]).toEqual([1, 2]);
  });

  test('removeGracefully waits for the last job of a built-in node', async () => {
    const balancer = balancerOf({ policy: policies.first() }, 2);
    const node = balancer.get('node-0')!;
    const token = node.begin();
    const drained: string[] = [];
    balancer.on('drain', ({ id }) => drained.push(id));
    const removal = balancer.removeGracefully('node-0');
    expect(drained).toEqual(['node-0']);
    expect(pickRanks(balancer, 1)).toEqual([1]);
    expect(balancer.has('node-0')).toBe(true);
    node.end(token);
    expect(await removal).toBe(0);
    expect(balancer.has('node-0')).toBe(false);
  });

  test('removeGracefully gives up after its time-out and tells what still runs', async () => {
    const balancer = balancerOf({ policy: policies.first() }, 2);
    balancer.get('node-0')!.begin();
    expect(await balancer.removeGracefully('node-0', { timeoutMs: 1 })).toBe(1);
    expect(balancer.has('node-0')).toBe(false);
    expect(await balancer.removeGracefully('nobody')).toBe(0);
  });

  test('removeGracefully asks a caller’s own node whether it is done', async () => {
    const own = new OwnNode('node-0', { inFlight: 1 });
    const balancer = new Balancer<NodeLike>({ policy: policies.first(), nodes: [own] });
    const removal = balancer.removeGracefully('node-0');
    own.inFlight = 0;
    expect(await removal).toBe(0);
  });
});

describe('changes from inside', () => {
  test('a node’s own method may change the membership; it counts after the pick', () => {
    const policy = policies.roundRobin();
    const balancer: Balancer<NodeLike> = new Balancer<NodeLike>({ policy });
    let isArmed = true;
    const meddler = new OwnNode('node-0');
    meddler.isHealthy = () => {
      if (isArmed) {
        isArmed = false;
        balancer.remove('node-1');
        balancer.add(new OwnNode('node-2'));
      }
      return false;
    };
    balancer.add(meddler, new OwnNode('node-1'));
    expect(rankOf(balancer.next())).toBe(1);
    expect(balancer.has('node-1')).toBe(false);
    expect([1, 2, 3].map(() => rankOf(balancer.next()))).toEqual([2, 2, 2]);
  });

  test('a job may run on a node that left during the pick which chose it', async () => {
    const balancer: Balancer<NodeLike> = new Balancer<NodeLike>({ policy: policies.first() });
    const leaving = new OwnNode('node-0');
    leaving.isHealthy = () => {
      balancer.remove('node-0');
      return true;
    };
    balancer.add(leaving);
    const lease = balancer.acquire()!;
    expect(lease.node).toBe(leaving);
    lease.done();
    balancer.add(leaving);
    expect(await balancer.run((node) => node.id)).toBe('node-0');
    expect(balancer.size).toBe(0);
  });

  test('event handlers may change the membership', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 2);
    balancer.on('empty', () => balancer.add(new Node('node-9')));
    balancer.on('remove', (node) => {
      if (node.id === 'node-0') balancer.remove('node-1');
    });
    balancer.remove('node-0');
    expect(balancer.size).toBe(0);
    expect(balancer.next()).toBeNull();
    expect(rankOf(balancer.next())).toBe(9);
  });

  test('a node that throws is down, and the pick goes on', () => {
    const broken = new OwnNode('node-0');
    broken.isHealthy = () => {
      throw new Error('boom');
    };
    const balancer = new Balancer<NodeLike>({
      policy: policies.roundRobin(),
      nodes: [broken, new OwnNode('node-1')],
    });
    expect(pickRanks(balancer, 3)).toEqual([1, 1, 1]);
  });

  test('a nested pick from a node’s method answers too', () => {
    const balancer: Balancer<NodeLike> = new Balancer<NodeLike>({
      policy: policies.leastConnection(),
    });
    const nested: number[] = [];
    const curious = new OwnNode('node-0');
    let depth = 0;
    curious.load = () => {
      if (depth++ === 0) nested.push(rankOf(balancer.next()));
      return 5;
    };
    balancer.add(curious, new OwnNode('node-1'));
    expect(rankOf(balancer.next())).toBe(1);
    expect(nested).toHaveLength(1);
  });
});

describe('events', () => {
  test('tell of additions, removals, health with its reason, and emptiness once', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 1);
    const seen: unknown[][] = [];
    balancer.on('add', (node) => seen.push(['add', node.id]));
    balancer.on('remove', (node) => seen.push(['remove', node.id]));
    balancer.on('health', (node, healthy, reason) =>
      seen.push(['health', node.id, healthy, reason]),
    );
    balancer.on('empty', () => seen.push(['empty']));
    balancer.get('node-0')!.setHealth(false, 'connection refused');
    balancer.next();
    balancer.next();
    balancer.add(new Node('node-1'));
    balancer.next();
    balancer.remove('node-1');
    balancer.next();
    expect(seen).toEqual([
      ['health', 'node-0', false, 'connection refused'],
      ['empty'],
      ['add', 'node-1'],
      ['remove', 'node-1'],
      ['empty'],
    ]);
    expect(balancer.stats().noNode).toBe(3);
    balancer.add(new Node('node-2'));
    balancer.next();
    expect(balancer.nextExcept(undefined, new Set(balancer.nodes))).toBeNull();
    expect([balancer.stats().noNode, seen.length]).toEqual([3, 6]);
  });

  test('of a caller’s own node tell what a pick saw', () => {
    const own = new OwnNode('node-0');
    const balancer = new Balancer<NodeLike>({ policy: policies.roundRobin(), nodes: [own] });
    const seen: boolean[] = [];
    balancer.on('health', (_node, healthy) => seen.push(healthy));
    own.healthy = false;
    balancer.next();
    own.healthy = true;
    balancer.next();
    expect(seen).toEqual([false, true]);
  });

  test('off and once take listeners away', () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 0);
    const seen: string[] = [];
    const listener = (node: NodeLike): void => void seen.push(`on ${node.id}`);
    balancer.on('add', listener);
    balancer.once('add', (node) => seen.push(`once ${node.id}`));
    balancer.add(new Node('a'));
    balancer.off('add', listener);
    balancer.add(new Node('b'));
    expect(seen).toEqual(['on a', 'once a']);
  });

  test('a listener that throws becomes a warning and hurts nobody', async () => {
    const balancer = balancerOf({ policy: policies.roundRobin() }, 0);
    const seen: string[] = [];
    const warned = new Promise<Error>((resolve) => {
      const listen = (warning: Error): void => {
        if (!warning.message.includes('listener broke')) return;
        process.off('warning', listen);
        resolve(warning);
      };
      process.on('warning', listen);
    });
    balancer.on('add', () => {
      throw new Error('listener broke');
    });
    balancer.on('add', (node) => seen.push(node.id));
    balancer.add(new Node('a'));
    expect(seen).toEqual(['a']);
    expect(await warned).toBeInstanceOf(Error);
  });
});

describe('stats', () => {
  test('tell everything about each node, and the totals', () => {
    const balancer = balancerOf({ policy: policies.roundRobin(), name: 'api' }, 2);
    const token = balancer.next()!.begin();
    balancer.get('node-0')!.end(token, false);
    balancer.get('node-1')!.drain();
    expect(balancer.stats()).toEqual({
      name: 'api',
      policy: 'roundRobin',
      eligible: 1,
      picks: 1,
      noNode: 0,
      panicking: false,
      nodes: [
        {
          id: 'node-0',
          healthy: true,
          ejected: false,
          draining: false,
          weight: 1,
          effectiveWeight: 1,
          priority: 0,
          load: 0,
          total: 1,
          failures: 1,
          avgMs: expect.any(Number),
          ewmaMs: expect.any(Number),
          picks: 1,
        },
        expect.objectContaining({ id: 'node-1', draining: true, picks: 0, load: 0 }),
      ],
    });
  });
});
