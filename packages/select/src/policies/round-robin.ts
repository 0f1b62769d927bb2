/**
 * Round robin over the eligible nodes, whatever their weights. The cursor stops one past the chosen
 * node, so the node after a dead one gets no double share.
 *
 * @module
 */
import { checkNumber } from '../errors.ts';
import type { NodeTable } from '../node-table.ts';
import type { Picker, Policy } from '../policy.ts';
import { Rotation } from './rotation.ts';

/**
 * @param options - `start`: rank of the node that is looked at first, default 0; any integer up to
 *   2^53 - 1, taken modulo the number of nodes.
 * @throws {ConfigError} For a start that is not such an integer.
 */
export function roundRobin({ start = 0 }: { start?: number } = {}): Policy {
  checkNumber('roundRobin.start', start, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  return {
    name: 'roundRobin',
    reads: {},
    createPicker: () => new RoundRobinPicker(start),
  };
}

class RoundRobinPicker implements Picker {
  readonly #rotation: Rotation;

  constructor(start: number) {
    this.#rotation = new Rotation(start);
  }

  pick(table: NodeTable): number {
    return this.#rotation.next(table);
  }

  membersChanged(table: NodeTable, previousIndex: Int32Array): void {
    this.#rotation.membersChanged(table, previousIndex);
  }
}
