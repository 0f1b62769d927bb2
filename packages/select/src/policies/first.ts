/**
 * First fit: the lowest index that may take work. With `maxConcurrency` on the nodes this packs the
 * jobs onto as few of them as possible, so that the rest can be switched off.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type Policy } from '../policy.ts';

/** The lowest eligible index. O(1) per pick unless nodes are polled. */
export function first(): Policy {
  return { name: 'first', reads: {}, createPicker: () => firstPicker };
}

const firstPicker: Picker = {
  pick: (table: NodeTable) => (table.count === 0 ? NO_NODE : table.firstEligibleFrom(0)),
};
