/**
 * Choices drawn from a fixed handful of random numbers. A plan holds numbers only; what they mean is
 * decided when its turn comes and the state is known, so that a shrunk plan still makes sense.
 *
 * @module
 */

const SPAN = 2 ** 32;
const FINE = 10n ** 9n;

/** Draws from given 32-bit numbers, in order; after the last it begins again. All zero draws the simplest. */
export class Dice {
  private readonly numbers: readonly number[];
  private next = 0;

  constructor(numbers: readonly number[]) {
    this.numbers = numbers;
  }

  /** Number from 0 (included) to 1 (excluded). */
  fraction(): number {
    const drawn = this.numbers[this.next % this.numbers.length] ?? 0;
    // Each lap reads other bits, so that a choice late in a step is not tied to an early one.
    const lap = Math.floor(this.next / this.numbers.length);
    this.next++;
    return lap === 0 ? drawn / SPAN : ((drawn * (lap * 7919 + 1)) % SPAN) / SPAN;
  }

  /** Integer from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** True once in `times`; a plan of zeros never has it. */
  onceIn(times: number): boolean {
    return this.below(times) === times - 1;
  }

  /** Part of `whole`: `low` to `high` of it, small parts as likely as large ones. */
  part(whole: bigint, low = 1e-6, high = 1): bigint {
    const factor = low * (high / low) ** this.fraction();
    return (whole * BigInt(Math.round(factor * 1e9))) / FINE;
  }

  /** Integer between the bounds, evenly over the orders of magnitude. */
  magnitude(low: bigint, high: bigint): bigint {
    const digits = Math.log10(Number(high) / Number(low));
    const scaled = BigInt(Math.round(10 ** (9 + digits * this.fraction())));
    const value = (low * scaled) / FINE;
    return value > high ? high : value;
  }
}
