import { readFileSync } from 'node:fs';
import { readObject, type ObjectFile } from '../../src/object.ts';

/** Bytes of a committed object. */
export function objectBytes(name: 'packet-count' | 'selftest' | 'rejected'): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../bpf/objects/${name}.o`, import.meta.url)));
}

export function selftestObject(): ObjectFile {
  return readObject(objectBytes('selftest'));
}
