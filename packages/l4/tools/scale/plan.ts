/**
 * What a number of flows and a bandwidth ask of each balancer, from the figures of
 * docs/performance-l4.md.
 *
 * @module
 */

/** What was measured; nanoseconds and bytes. */
export interface Measured {
  /** A program that only swaps MAC addresses. */
  readonly floorNs: number;
  /** A packet of a known flow above the floor, at a million resident flows. */
  readonly knownNs: number;
  /** The first packet of a flow above the floor. */
  readonly newNs: number;
  readonly entriesPerFlow: number;
  readonly entryBytes: number;
  /** One entry in a collection. */
  readonly collectionNs: number;
}

/** Direct routing by Maglev with a million resident flows; a tunnel's header costs 29 ns more. */
export const TUNNEL: Measured = {
  floorNs: 77,
  knownNs: 352,
  newNs: 827,
  entriesPerFlow: 1,
  entryBytes: 232,
  collectionNs: 154,
};

/** Full NAT with a million resident flows. */
export const FULL_NAT: Measured = {
  floorNs: 77,
  knownNs: 446,
  newNs: 1581,
  entriesPerFlow: 2,
  entryBytes: 232,
  collectionNs: 164,
};

export interface Demand {
  readonly flows: number;
  readonly gigabitsPerSecond: number;
  readonly nodes: number;
  readonly packetBytes: number;
  /** Mean life of a flow. */
  readonly flowSeconds: number;
  /** Packets of replies for each of a request; they pass full NAT only. */
  readonly repliesPerRequest: number;
}

/** Of one balancer. */
export interface NodePlan {
  readonly flows: number;
  readonly entries: number;
  readonly memoryBytes: number;
  readonly packetsPerSecond: number;
  readonly newFlowsPerSecond: number;
  /** CPU seconds per second that packets take in the program. */
  readonly cores: number;
  /** One pass over the table. */
  readonly collectionSeconds: number;
}

/**
 * @param replies - Do replies pass the balancer?
 * @param keptFromBefore - Flows of before that are still in the table though others serve them now.
 */
export function planNode(
  demand: Demand,
  measured: Measured,
  { replies, keptFromBefore = 0 }: { readonly replies: boolean; readonly keptFromBefore?: number },
): NodePlan {
  const { flows, gigabitsPerSecond, nodes, packetBytes, flowSeconds, repliesPerRequest } = demand;
  const requestsPerSecond = (gigabitsPerSecond * 1e9) / 8 / packetBytes / nodes;
  const packetsPerSecond = requestsPerSecond * (replies ? 1 + repliesPerRequest : 1);
  const newFlowsPerSecond = flows / nodes / flowSeconds;
  const entries = (flows / nodes + keptFromBefore) * measured.entriesPerFlow;
  const knownNs = measured.floorNs + measured.knownNs;
  return {
    flows: flows / nodes,
    entries,
    memoryBytes: entries * measured.entryBytes,
    packetsPerSecond,
    newFlowsPerSecond,
    cores:
      (packetsPerSecond * knownNs + newFlowsPerSecond * (measured.newNs - measured.knownNs)) / 1e9,
    collectionSeconds: (entries * measured.collectionNs) / 1e9,
  };
}
