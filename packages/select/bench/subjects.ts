/**
 * What is timed: loops over one pick and what the reference scenario does after it. Every loop is a
 * function of its own, so that each is compiled for the types it meets.
 *
 * After the pick numbered n the chosen node gets one more job when n mod 50 = 0; with least time
 * its total time grows by 10 s when n mod 5 = 0.
 *
 * @module
 */
import {
  Balancer,
  NO_NODE,
  type Key,
  type Node,
  type NodeLike,
  type NodeTable,
  type Picker,
  type Policy,
} from '@balancer/select';
import { CONSTANT_KEY, KEY_MASK, randomKeys } from './keys.ts';
import {
  builtInNodes,
  countingNodes,
  SLOW_JOB_MS,
  startLoad,
  type CountingNode,
  type Health,
} from './nodes.ts';
import { measuredPolicy, type PolicyName } from './policies.ts';

/** Makes so many picks and returns the last, which the caller must keep alive. */
export type Loop = (picks: number) => unknown;

export interface Subject {
  readonly policy: PolicyName;
  readonly nodes: 'own' | 'builtIn';
  readonly nodeCount: number;
  readonly health: Health;
  readonly keys: 'constant' | 'random';
  /** Through `Balancer.next`, or the policy's picker alone. */
  readonly via: 'balancer' | 'picker';
}

/** Builds a subject and returns its loop. */
export function loopOf(subject: Subject): Loop {
  return subject.nodes === 'own' ? ownLoop(subject) : builtInLoop(subject);
}

/** The least that a pick from an array can cost: round robin over all nodes, by hand. */
export function floorLoop(nodeCount: number): Loop {
  const nodes = countingNodes(nodeCount, 'halfDown');
  let cursor = 0;
  return (picks) => {
    let last: CountingNode | undefined;
    for (let n = 1; n <= picks; n++) {
      last = nodes[cursor]!;
      cursor = cursor + 1 === nodes.length ? 0 : cursor + 1;
      if (n % 50 === 0) last.startJob();
    }
    return last;
  };
}

/** `begin` and `end` of a built-in node's job, with the coarse clock and with the accurate one. */
export function jobLoop(clock: 'coarse' | 'precise'): Loop {
  const nodes = builtInNodes(10, 'halfDown');
  const policy = measuredPolicy('leastConnection').create();
  const balancer = new Balancer({ policy, nodes, ...(clock === 'coarse' ? { clock } : {}) });
  startLoad(balancer);
  return (picks) => {
    for (let n = 1; n <= picks; n++) {
      const node = nodes[n & 7]!;
      node.end(node.begin());
    }
    return balancer;
  };
}

function ownLoop({ policy, nodeCount, health, keys, via }: Subject): Loop {
  const nodes = countingNodes(nodeCount, health);
  if (via === 'balancer') {
    const balancer = new Balancer({ policy: measuredPolicy(policy).create(), nodes, seed: 1 });
    if (policy === 'leastTime') return (picks) => nextThenAddTime(balancer, picks);
    if (keys === 'random') return (picks) => nextRandomKeyOwn(balancer, picks);
    return (picks) => nextThenStartOwn(balancer, picks);
  }
  const { picker, table } = barePicker(policy, nodes);
  if (policy === 'leastTime') return (picks) => pickThenAddTime(picker, table, picks);
  return (picks) => pickThenStartOwn(picker, table, picks);
}

function builtInLoop({ policy, nodeCount, health, keys, via }: Subject): Loop {
  const nodes = builtInNodes(nodeCount, health);
  if (policy === 'leastTime') return builtInLeastTimeLoop(nodes, via);
  if (via === 'balancer') {
    const balancer = new Balancer({
      policy: measuredPolicy(policy).create(),
      nodes,
      seed: 1,
      clock: 'coarse',
    });
    startLoad(balancer);
    if (keys === 'random') return (picks) => nextRandomKey(balancer, picks);
    return (picks) => nextThenBegin(balancer, picks);
  }
  const { picker, table, balancer } = barePicker(policy, nodes);
  startLoad(balancer);
  return (picks) => pickThenBegin(picker, table, picks);
}

/** A job that takes 10 s every fifth pick, by an injected clock. */
function builtInLeastTimeLoop(nodes: readonly Node[], via: Subject['via']): Loop {
  const time = new Float64Array(1);
  const clock = { now: () => time[0]! };
  if (via === 'balancer') {
    const policy = measuredPolicy('leastTime').create();
    const balancer = new Balancer({ policy, nodes, seed: 1, clock });
    startLoad(balancer);
    return (picks) => nextThenRunSlowJob(balancer, time, picks);
  }
  const { picker, table, balancer } = barePicker('leastTime', nodes, clock);
  startLoad(balancer);
  return (picks) => pickThenRunSlowJob(picker, table, { time, picks });
}

interface BarePicker<N extends NodeLike> {
  readonly balancer: Balancer<N>;
  readonly picker: Picker;
  readonly table: NodeTable;
}

/** The picker and table that a balancer uses inside, taken out by a policy that looks on. */
function barePicker<N extends NodeLike>(
  name: PolicyName,
  nodes: readonly N[],
  clock?: { now: () => number },
): BarePicker<N> {
  const inner = measuredPolicy(name).create();
  let picker: Picker | undefined;
  let table: NodeTable | undefined;
  const policy: Policy = {
    name: inner.name,
    reads: inner.reads,
    createPicker: (context) => {
      const created = inner.createPicker(context);
      picker = created;
      return {
        ...hooksOf(created),
        pick: (given, key) => created.pick(given, key),
        membersChanged: (given, previousIndex) => {
          table = given;
          created.membersChanged?.(given, previousIndex);
        },
      };
    },
  };
  const balancer = new Balancer<N>({ policy, nodes, seed: 1, clock: clock ?? 'coarse' });
  return { balancer, picker: picker!, table: table! };
}

function hooksOf(picker: Picker): Partial<Picker> {
  return {
    ...(picker.rejoined && { rejoined: (index: number) => picker.rejoined?.(index) }),
    ...(picker.jobEnded && {
      jobEnded: (table: NodeTable, index: number) => picker.jobEnded?.(table, index),
    }),
  };
}

function nextThenStartOwn(balancer: Balancer<CountingNode>, picks: number): unknown {
  let last: CountingNode | null = null;
  for (let n = 1; n <= picks; n++) {
    last = balancer.next(CONSTANT_KEY);
    if (n % 50 === 0) last!.startJob();
  }
  return last;
}

function nextThenAddTime(balancer: Balancer<CountingNode>, picks: number): unknown {
  let last: CountingNode | null = null;
  for (let n = 1; n <= picks; n++) {
    last = balancer.next(CONSTANT_KEY);
    if (n % 5 === 0) last!.addTime();
  }
  return last;
}

function nextThenBegin(balancer: Balancer, picks: number): unknown {
  let last: Node | null = null;
  for (let n = 1; n <= picks; n++) {
    last = balancer.next(CONSTANT_KEY);
    if (n % 50 === 0) last!.begin();
  }
  return last;
}

function nextThenRunSlowJob(balancer: Balancer, time: Float64Array, picks: number): unknown {
  let last: Node | null = null;
  for (let n = 1; n <= picks; n++) {
    last = balancer.next(CONSTANT_KEY);
    if (n % 5 === 0) runSlowJob(last!, time);
  }
  return last;
}

const KEYS = randomKeys();

function nextRandomKey(balancer: Balancer, picks: number): unknown {
  let last: Node | null = null;
  for (let n = 1; n <= picks; n++) last = balancer.next(KEYS[n & KEY_MASK]);
  return last;
}

function nextRandomKeyOwn(balancer: Balancer<CountingNode>, picks: number): unknown {
  let last: CountingNode | null = null;
  for (let n = 1; n <= picks; n++) last = balancer.next(KEYS[n & KEY_MASK]);
  return last;
}

function pickThenStartOwn(picker: Picker, table: NodeTable, picks: number): unknown {
  const key: Key = CONSTANT_KEY;
  let last = NO_NODE;
  for (let n = 1; n <= picks; n++) {
    table.beginPick();
    last = picker.pick(table, key);
    if (n % 50 === 0) (table.nodes[last] as CountingNode).startJob();
  }
  return last;
}

function pickThenAddTime(picker: Picker, table: NodeTable, picks: number): unknown {
  const key: Key = CONSTANT_KEY;
  let last = NO_NODE;
  for (let n = 1; n <= picks; n++) {
    table.beginPick();
    last = picker.pick(table, key);
    if (n % 5 === 0) (table.nodes[last] as CountingNode).addTime();
  }
  return last;
}

function pickThenBegin(picker: Picker, table: NodeTable, picks: number): unknown {
  const key: Key = CONSTANT_KEY;
  let last = NO_NODE;
  for (let n = 1; n <= picks; n++) {
    last = picker.pick(table, key);
    if (n % 50 === 0) (table.nodes[last] as Node).begin();
  }
  return last;
}

function pickThenRunSlowJob(
  picker: Picker,
  table: NodeTable,
  { time, picks }: { time: Float64Array; picks: number },
): unknown {
  const key: Key = CONSTANT_KEY;
  let last = NO_NODE;
  for (let n = 1; n <= picks; n++) {
    last = picker.pick(table, key);
    if (n % 5 === 0) runSlowJob(table.nodes[last] as Node, time);
  }
  return last;
}

function runSlowJob(node: Node, time: Float64Array): void {
  const token = node.begin();
  time[0]! += SLOW_JOB_MS;
  node.end(token);
}
