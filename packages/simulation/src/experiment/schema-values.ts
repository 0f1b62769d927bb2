/**
 * Values that several parts of the experiment file share.
 *
 * @module
 */
import { z } from '@balancer/kit';
import { readTime } from '../records/formats/prices.ts';

export const fraction = z.number().min(0).max(1);
export const positive = z.number().positive();
export const count = z.int().min(0);
/** Unix seconds, or an ISO 8601 text such as "2021-01-01". */
const moment = z.union([
  count,
  z.string().refine((text) => Number.isFinite(readTime(text)), 'must be a time, ISO 8601'),
]);
/** When something is on: from (included) to (excluded); always when left out. */
export const window = { from: moment.optional(), to: moment.optional() };
