/**
 * Power of two choices: sample two eligible nodes and keep the one with fewer jobs per unit of
 * weight. Costs two reads where least connection scans n, and does not herd when many balancers act
 * on the same stale minimum.
 *
 * Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
 * IEEE Transactions on Parallel and Distributed Systems 12(10), 2001.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import { checkChoices, Draws } from './draws.ts';
import { compareLoad } from './least-connection.ts';

/**
 * @param options - `choices`: how many nodes are sampled, 1 to 64, default 2.
 * @throws {ConfigError} For another number of choices.
 */
export function p2c({ choices = 2 }: { choices?: number } = {}): Policy {
  checkChoices('p2c.choices', choices);
  return {
    name: 'p2c',
    reads: { load: true },
    createPicker: (context) => new P2cPicker(choices, context),
  };
}

class P2cPicker implements Picker {
  readonly #draws: Draws;

  constructor(choices: number, { random }: PickerContext) {
    this.#draws = new Draws(choices, random);
  }

  pick(table: NodeTable): number {
    const count = this.#draws.draw(table);
    if (count === 0) return NO_NODE;
    const { drawn } = this.#draws;
    let best = drawn[0]!;
    // Ties stay with the node drawn first.
    for (let k = 1; k < count; k++) if (compareLoad(table, drawn[k]!, best) < 0) best = drawn[k]!;
    return best;
  }
}
