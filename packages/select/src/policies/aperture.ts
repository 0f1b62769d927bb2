/**
 * Deterministic aperture: each of many clients talks to a small, evenly overlapping slice of many
 * nodes. Nodes and clients are laid round the same circle; a client draws two points in its arc
 * and takes the less loaded of the nodes they fall on. Every client opens few connections, and all
 * nodes still receive the same total load.
 *
 * Source: Finagle, "Deterministic Aperture" (R. Sethi, Y. Luo, Twitter, 2019).
 *
 * @module
 */
import { checkNumber } from '../errors.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import { OUTPUTS, type Xorshift32 } from '../random.ts';
import { compareLoad } from './least-connection.ts';

export interface ApertureOptions {
  /** Rank of this client among its peers, 0 <= index < peers. */
  index: number;
  /** How many clients there are. */
  peers: number;
  /** At least so many nodes in a slice, default 12. */
  min?: number;
}

/** The aperture as a policy, which can also tell what share of its traffic each node receives. */
export interface AperturePolicy extends Policy {
  /** Probability that one draw falls on each of `nodeCount` nodes; they sum to 1. */
  shares(nodeCount: number): Float64Array;
}

const REDRAWS_MAX = 5;

/**
 * O(1) per pick. When 1 / peers is at least min / N, the arcs of all clients tile the circle and
 * every node receives the same total load.
 *
 * @throws {ConfigError} For an index, a number of peers or a minimum out of range.
 */
export function aperture({ index, peers, min = 12 }: ApertureOptions): AperturePolicy {
  checkNumber('aperture.peers', peers, { min: 1, integer: true });
  checkNumber('aperture.index', index, { min: 0, max: peers - 1, integer: true });
  checkNumber('aperture.min', min, { min: 1, integer: true });
  const arc = { start: index / peers, peers, min };
  return {
    name: 'aperture',
    reads: { load: true },
    createPicker: (context) => new AperturePicker(arc, context),
    shares: (nodeCount) => sharesOf(arc, nodeCount),
  };
}

interface Arc {
  readonly start: number;
  readonly peers: number;
  readonly min: number;
}

class AperturePicker implements Picker {
  readonly #arc: Arc;
  readonly #random: Xorshift32;
  /** Length of the arc over the nodes there are. */
  readonly #width = new Float64Array(1);

  constructor(arc: Arc, { random }: PickerContext) {
    this.#arc = arc;
    this.#random = random;
  }

  pick(table: NodeTable): number {
    if (table.count === 0) return NO_NODE;
    const first = this.#draw(table);
    const second = this.#draw(table);
    if (first === NO_NODE || second === NO_NODE) return this.#scan(table);
    return compareLoad(table, second, first) < 0 ? second : first;
  }

  membersChanged(table: NodeTable): void {
    this.#width[0] = widthOf(this.#arc, Math.max(1, table.count));
  }

  #draw(table: NodeTable): number {
    const { start } = this.#arc;
    const width = this.#width[0]!;
    for (let attempt = 0; attempt <= REDRAWS_MAX; attempt++) {
      const point = start + ((this.#random.int32() >>> 0) / OUTPUTS) * width;
      const index = Math.floor((point % 1) * table.count);
      if (table.isEligible(index)) return index;
    }
    return NO_NODE;
  }

  /** When most of the slice is down: its first eligible node, or the next one beyond it. */
  #scan(table: NodeTable): number {
    return table.firstEligibleFrom(Math.floor(this.#arc.start * table.count));
  }
}

function widthOf({ peers, min }: Arc, nodeCount: number): number {
  return Math.max(1 / peers, Math.min(1, min / nodeCount));
}

function sharesOf(arc: Arc, nodeCount: number): Float64Array {
  const shares = new Float64Array(nodeCount);
  const end = arc.start + widthOf(arc, nodeCount);
  // The arc may run past 1: nodes are looked at on two turns of the circle.
  for (let j = 0; j < nodeCount * 2; j++) {
    const overlap = Math.min(end, (j + 1) / nodeCount) - Math.max(arc.start, j / nodeCount);
    if (overlap > 0) shares[j % nodeCount]! += overlap / (end - arc.start);
  }
  return shares;
}
