/**
 * Keys of requests, prepared beforehand so that no loop creates strings.
 *
 * @module
 */
import { Xorshift32 } from '@balancer/select';

/** A power of two, so that the loops index it with a mask. */
const KEY_COUNT = 65_536;
export const KEY_MASK: number = KEY_COUNT - 1;

/** The client of the reference scenario, for every request. */
export const CONSTANT_KEY = '127.0.0.1';

/** IPv4 addresses in random order, the same in every run. */
export function randomKeys(): string[] {
  const random = new Xorshift32(7);
  return Array.from({ length: KEY_COUNT }, () => {
    const octets = Array.from({ length: 4 }, () => random.below(256));
    return octets.join('.');
  });
}
