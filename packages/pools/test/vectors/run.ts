import { readFileSync } from 'node:fs';
import { parseVectorFile, type VectorFile } from '../../src/vectors/case.ts';

/** Reads one of the files beside this one. */
export function readVectors(name: string): VectorFile {
  return parseVectorFile(readFileSync(new URL(name, import.meta.url), 'utf8'), name);
}
