/**
 * Numbers under which people dial into a meeting: derived from its id, so that a meeting that is made
 * again has the same number, and equal to Scalelite's, so that a migrated site keeps its numbers.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { MersenneTwister } from './mersenne-twister.ts';

/** BigBlueButton's number for "no number". */
const RESERVED = '99999';

/** Endless numbers for a meeting, each of `length` digits, the first digit never 0. */
export function* voiceBridges(meetingId: string, length: number): Generator<string, never> {
  const generator = new MersenneTwister(seedOf(meetingId));
  const draw = (limit: number): number => {
    for (;;) {
      const digit = generator.next() & 15;
      if (digit <= limit) return digit;
    }
  };
  for (;;) {
    const first = 1 + draw(8);
    const others = Array.from({ length: length - 1 }, () => draw(9));
    const number = `${first}${others.join('')}`;
    if (number !== RESERVED) yield number;
  }
}

/** The 128-bit number that Scalelite takes from the digest, as words from the lowest to the highest. */
function seedOf(meetingId: string): number[] {
  const digest = createHash('sha256').update(meetingId).digest();
  const seed = [8, 12, 0, 4].map((at) => digest.readUInt32LE(at));
  while (seed.length > 1 && seed.at(-1) === 0) seed.pop();
  return seed;
}
