/**
 * Loosely shaped JSON, read without surprises: what is not there is empty.
 *
 * @module
 */
import type { Json } from './action.ts';

export type Members = Readonly<Record<string, Json>>;

/** An object's members; none when the value is no object. */
export function members(json: unknown): Members {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Members) : {};
}

/** A list's entries; none when the value is no list. */
export function list(json: unknown): readonly Json[] {
  return Array.isArray(json) ? (json as readonly Json[]) : [];
}

/** Text of a scalar; empty for null and what is absent, JSON for the rest. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  return JSON.stringify(value);
}
