/**
 * Values as messages show them.
 *
 * @module
 */
import { inspect } from 'node:util';
import { escapeControls } from '../text.ts';

/** Longest part of a string that a message repeats. */
const SHOWN_MAX = 60;

/** A value on one line: strings quoted and cut after 60 characters, tables and arrays by kind. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const shown = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}...` : value;
    return escapeControls(JSON.stringify(shown));
  }
  if (value instanceof Date) return 'a date';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'a table';
  return inspect(value);
}
