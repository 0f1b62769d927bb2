/**
 * Snapshots of a balancer for people and programs. Taking one allocates.
 *
 * @module
 */
import type { Member } from './member.ts';
import { Node } from './node.ts';

export interface NodeStats {
  readonly id: string;
  readonly healthy: boolean;
  readonly ejected: boolean;
  readonly draining: boolean;
  readonly weight: number;
  /** What slow start leaves of `weight`. */
  readonly effectiveWeight: number;
  readonly priority: number;
  /** Jobs in flight. */
  readonly load: number;
  /** Jobs started. */
  readonly total: number;
  /** 0 for a caller's own node, which does not tell. */
  readonly failures: number;
  readonly avgMs: number;
  /** 0 for a caller's own node. */
  readonly ewmaMs: number;
  /** How often this balancer chose the node. */
  readonly picks: number;
}

export interface BalancerStats {
  readonly name: string;
  readonly policy: string;
  readonly nodes: readonly NodeStats[];
  readonly eligible: number;
  readonly picks: number;
  /** Picks that found no node. */
  readonly noNode: number;
  readonly panicking: boolean;
}

export function nodeStats(member: Member): NodeStats {
  const { node, level, index } = member;
  const counted = node instanceof Node ? node : undefined;
  return {
    id: member.id,
    healthy: node.isHealthy(),
    ejected: member.isEjected,
    draining: member.isDraining,
    weight: member.weight,
    effectiveWeight: level?.table.effectiveWeight[index] ?? member.weight,
    priority: member.priority,
    load: node.load(),
    total: node.totalRequests(),
    failures: counted?.failures ?? 0,
    avgMs: node.averageResponseTime(),
    ewmaMs: counted?.ewma ?? 0,
    picks: level?.table.picks[index] ?? 0,
  };
}
