/**
 * Writes configuration: an effective configuration as TOML, a schema as JSON Schema for editors.
 *
 * @module
 */
import { stringify } from 'smol-toml';
import { z } from 'zod';
import { escapeVariables } from './environment.ts';

/**
 * The effective configuration as TOML, every default spelled out and secrets as `"***"`. What it
 * writes, `parseConfig` reads back as the same value (but for secrets), in any environment.
 *
 * @throws {Error} if the schema transforms values in one direction only; use codecs.
 */
export function formatConfig<T>(schema: z.ZodType<T>, value: T): string {
  return stringify(writable(z.encode(schema, value)));
}

/** JSON Schema (draft 2020-12) of what the file may hold, for completion and hints in editors. */
export function configJsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

/** The value without unset keys, which TOML cannot write, and with `${` kept from expanding. */
function writable(value: unknown): unknown {
  if (typeof value === 'string') return escapeVariables(value);
  if (Array.isArray(value)) return value.map(writable);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .map(([name, child]) => [name, writable(child)]),
  );
}
