/**
 * What a change of membership costs: adding a node to a full pool, removing one, and `set` with one
 * node replaced, all of which rebuild the policy's table before they return.
 *
 * @module
 */
import { Balancer, Node } from '@balancer/select';
import { median } from './measure.ts';
import { measuredPolicy, type PolicyName } from './policies.ts';

/** Milliseconds per call, one value per repetition. */
export interface MembershipCost {
  readonly addMs: readonly number[];
  readonly removeMs: readonly number[];
  readonly setMs: readonly number[];
}

const REPETITIONS = 15;
const WARM_UP_REPETITIONS = 5;

export function membershipCost(policy: PolicyName, nodeCount: number): MembershipCost {
  const nodes = Array.from({ length: nodeCount }, (_, rank) => new Node(`node-${rank}`));
  const balancer = new Balancer({ policy: measuredPolicy(policy).create(), nodes });
  const cost = { addMs: [] as number[], removeMs: [] as number[], setMs: [] as number[] };
  for (let i = 0; i < WARM_UP_REPETITIONS + REPETITIONS; i++) {
    const added = new Node(`added-${i}`);
    const replaced = [...nodes.slice(1), new Node(`other-${i}`)];
    const addMs = timeMs(() => balancer.add(added));
    const removeMs = timeMs(() => balancer.remove(added.id));
    const setMs = timeMs(() => balancer.set(replaced));
    balancer.set(nodes);
    if (i < WARM_UP_REPETITIONS) continue;
    cost.addMs.push(addMs);
    cost.removeMs.push(removeMs);
    cost.setMs.push(setMs);
  }
  return cost;
}

/** The slowest of the three calls, by its median. */
export function worstMs({ addMs, removeMs, setMs }: MembershipCost): number {
  return Math.max(median(addMs), median(removeMs), median(setMs));
}

function timeMs(action: () => void): number {
  const startedAt = performance.now();
  action();
  return performance.now() - startedAt;
}
