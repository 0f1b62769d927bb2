/**
 * Writes the report of a folder of results.
 *
 * @module
 */
import { join } from 'node:path';
import { writeWhole } from '../experiment/manifest.ts';
import { collectResults } from './collect.ts';
import { renderReport } from './page.ts';

/**
 * Writes `report.html` into the folder.
 *
 * @param file - The experiment file, as the commands in the report name it.
 * @returns Its path. @throws {SimulationError} When the folder holds no results.
 */
export async function writeReport(out: string, file?: string): Promise<string> {
  const path = join(out, 'report.html');
  writeWhole(path, renderReport(await collectResults(out), file));
  return path;
}
