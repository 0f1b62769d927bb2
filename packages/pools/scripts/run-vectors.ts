/**
 * Replays every vector file of a folder.
 *
 * @module
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../src/errors.ts';
import { describeReport, isVectorFile, replayFile } from '../src/vectors/report.ts';

/**
 * Prints counts per operation, and every difference with both values.
 *
 * @returns 0 when all cases agree, 1 on a difference, 2 when a file or the folder cannot be read.
 */
export function runVectors(folder: string, print: (line: string) => void): number {
  let differs = false;
  let broken = false;
  let files = 0;
  let cases = 0;
  for (const name of namesIn(folder, print)) {
    const text = readFileSync(join(folder, name), 'utf8');
    if (!isVectorFile(text)) continue;
    files += 1;
    try {
      const report = replayFile(name, text);
      cases += report.cases;
      differs ||= report.differences.length > 0;
      broken ||= report.malformed.length > 0;
      print(describeReport(report).join('\n'));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      broken = true;
      print(error.message);
    }
  }
  print(
    files === 0
      ? `${folder}: no file of the format pools-vectors/1`
      : `${files} files, ${cases} cases`,
  );
  return broken || files === 0 ? 2 : Number(differs);
}

function namesIn(folder: string, print: (line: string) => void): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch (error) {
    print(`${folder}: cannot be read: ${error instanceof Error ? error.message : ''}`);
    return [];
  }
}
