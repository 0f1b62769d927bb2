/**
 * Checks rules that came from outside, and puts them into their one form.
 *
 * @module
 */
import { messageOf, z } from '@balancer/kit';
import { type Match, matchOf } from './match.ts';

const text = z.string().max(200);

/** A match as JSON has it. */
export const matchSchema: z.ZodType<Match> = z
  .strictObject({ src: text, dst: text, iif: text, oif: text })
  .transform(({ src, dst, iif, oif }, context) => {
    try {
      return matchOf({ srcRange: src, dstRange: dst, iif, oif });
    } catch (error) {
      context.issues.push({ code: 'custom', message: messageOf(error), input: src });
      return z.NEVER;
    }
  });
