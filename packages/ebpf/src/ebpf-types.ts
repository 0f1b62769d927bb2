#!/usr/bin/env node
/**
 * `ebpf-types <object.o> [--name Name]` writes the TypeScript types of a BPF object to standard output.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { describeTypes } from './describe-types.ts';
import { EbpfError } from './errors.ts';
import { readObject } from './object.ts';

const USAGE =
  'usage: ebpf-types <object.o> [--name Name]\nexample: ebpf-types packet-count.o > types.ts';

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { name: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  const [path] = positionals;
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (path === undefined || positionals.length > 1) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const object = readObject(readFileSync(path));
  process.stdout.write(describeTypes(object, { name: values.name ?? defaultName(path) }));
}

/** `packet-count.bpf.o` becomes `PacketCount`. */
function defaultName(path: string): string {
  const words = basename(path)
    .replace(/(\.bpf)?\.o$/, '')
    .split(/[^A-Za-z0-9]+/);
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

try {
  main();
} catch (error) {
  // Wrong arguments and unreadable objects are the user's; anything else is ours and keeps its stack.
  const expected = error instanceof EbpfError || (error instanceof Error && 'code' in error);
  if (!expected) throw error;
  console.error(`ebpf-types: ${error.message}`);
  process.exitCode = error instanceof EbpfError ? 1 : 2;
}
