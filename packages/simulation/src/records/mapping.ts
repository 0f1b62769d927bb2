/**
 * A mapping table: what a file calls the columns of the canonical record, as TOML.
 *
 * @module
 */
import { loadConfigFile, z } from '@balancer/kit';
import { ACTION_COLUMNS, type ActionColumn } from './action.ts';

/** The file's name of each column; columns that are left out keep their own. */
export type ColumnMapping = Readonly<Partial<Record<ActionColumn, string>>>;

/** Schema of a mapping, here and in experiments. */
export const MAPPING = z.strictObject(
  Object.fromEntries(
    ACTION_COLUMNS.map((column) => [column, z.string().min(1).optional()]),
  ) as Record<ActionColumn, z.ZodOptional<z.ZodString>>,
);

/** Reads `t = "block_time"` and so on. @throws {ConfigFileError} With every problem, at its line. */
export async function readMapping(path: string): Promise<ColumnMapping> {
  const { value } = await loadConfigFile(path, { schema: MAPPING, environment: {} });
  return Object.fromEntries(Object.entries(value).filter(([, name]) => name !== undefined));
}
