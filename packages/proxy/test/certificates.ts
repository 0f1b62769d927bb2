/**
 * The certificates that the tests use; see certificates/README.md.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of a file, such as `one.example.crt`. */
export function certificateFile(name: string): string {
  return fileURLToPath(new URL(`certificates/${name}`, import.meta.url));
}

/** Content of a file. */
export function certificateText(name: string): Buffer {
  return readFileSync(certificateFile(name));
}
