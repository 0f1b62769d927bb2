/**
 * `npm run vectors -- <folder>`: replays every vector file in a folder, or the package's own files
 * without an argument. Exit code 0 when all cases agree, 1 on a difference, 2 on bad input.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runVectors } from './run-vectors.ts';

const OWN_VECTORS = fileURLToPath(new URL('../test/vectors', import.meta.url));

// npm runs the script in the package's folder and says where it was called from.
const from = process.env['INIT_CWD'] ?? process.cwd();
const [argument] = process.argv.slice(2);
process.exitCode = runVectors(
  argument === undefined ? OWN_VECTORS : resolve(from, argument),
  (line) => console.log(line),
);
