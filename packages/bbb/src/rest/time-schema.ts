import { z } from '@balancer/kit';

/** A moment in answers. */
export const time: z.ZodString = z.string().describe('ISO 8601, UTC');
