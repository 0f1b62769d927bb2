/**
 * The file system, as the pool commands see it.
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { PoolsIo } from './register.ts';

/** Reads files relative to the working directory. */
export const poolsIo: Pick<PoolsIo, 'readText' | 'listFolder'> = {
  readText: (path) => readFileSync(path, 'utf8'),
  listFolder: (path) => (statSync(path).isDirectory() ? readdirSync(path) : null),
};
