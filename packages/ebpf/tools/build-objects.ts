/**
 * Compiles the BPF sources of a package: every `bpf/NAME.bpf.c` becomes `bpf/objects/NAME.o`, with its
 * TypeScript types beside it and a line in `bpf/objects/manifest.json` that says from which sources and
 * compiler it came. Objects are committed, so that only people who change the C need clang.
 *
 *     node --conditions=balancer-source --import tsx tools/build-objects.ts <package folder>
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeTypes, readObject } from '../src/index.ts';

/** Where an object came from. */
export interface ManifestEntry {
  /** SHA-256 over all C files of the package's `bpf/` folder. */
  readonly sources: string;
  /** SHA-256 of the object. */
  readonly object: string;
  /** Compiler and its major version; others may give other bytes. */
  readonly compiler: string;
}

export type Manifest = Readonly<Record<string, ManifestEntry>>;

export const COMPILER = 'clang-14';
const STRIP = 'llvm-strip-14';
/** Headers that every package may include: the kernel's interface. */
const HEADERS = fileURLToPath(new URL('../bpf/include', import.meta.url));

/** Whether the compiler of the committed objects is installed. */
export function hasCompiler(): boolean {
  try {
    execFileSync(COMPILER, ['--version'], { stdio: 'ignore' });
    execFileSync(STRIP, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * SHA-256 over names and contents of all C files of the package and of the shared headers, so that a
 * changed header counts for every object.
 */
export function hashSources(folder: string): string {
  const hash = createHash('sha256');
  for (const directory of new Set([resolve(folder, 'bpf'), HEADERS])) {
    const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /\.[ch]$/.test(name)).toSorted()) {
      hash
        .update(`${file}\0`)
        .update(readFileSync(join(directory, file)))
        .update('\0');
    }
  }
  return hash.digest('hex');
}

/** Names of the objects a package builds: `bpf/NAME.bpf.c`. */
export function objectNames(folder: string): string[] {
  const files = readdirSync(join(folder, 'bpf'));
  return files.filter((f) => f.endsWith('.bpf.c')).map((f) => basename(f, '.bpf.c'));
}

/**
 * Compiles one object. Paths inside are relative and debugging information other than BTF is removed,
 * so the bytes depend on the sources and the compiler alone.
 *
 * @param defines - Macros as `NAME=value`, for objects that are not committed.
 * @throws {Error} with the compiler's messages.
 */
export function compile(folder: string, name: string, defines: readonly string[] = []): Uint8Array {
  const scratch = join(tmpdir(), `balancer-bpf-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  try {
    const object = join(scratch, `${name}.o`);
    const cwd = resolve(folder);
    const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror'];
    const include = `-I${relative(cwd, HEADERS)}`;
    const paths = [`-ffile-prefix-map=${cwd}=.`, '-fdebug-compilation-dir=.', include];
    const source = `bpf/${name}.bpf.c`;
    // Headers define more helpers than one program calls.
    const macros = defines.map((define) => `-D${define}`);
    const args = [
      ...flags,
      '-Wno-unused-function',
      ...macros,
      ...paths,
      '-c',
      source,
      '-o',
      object,
    ];
    execFileSync(COMPILER, args, { cwd, stdio: 'pipe', encoding: 'utf8' });
    execFileSync(STRIP, ['-g', object]);
    return readFileSync(object);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The types module of an object, as it stands beside it. */
export function typesOf(name: string, object: Uint8Array): string {
  const typeName = name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
  return describeTypes(readObject(object), { name: typeName });
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function build(folder: string): void {
  const objects = join(folder, 'bpf', 'objects');
  mkdirSync(objects, { recursive: true });
  const sources = hashSources(folder);
  const manifest: Record<string, ManifestEntry> = {};
  for (const name of objectNames(folder)) {
    const object = compile(folder, name);
    writeFileSync(join(objects, `${name}.o`), object);
    writeFileSync(join(objects, `${name}.types.ts`), typesOf(name, object));
    manifest[name] = { sources, object: sha256(object), compiler: COMPILER };
    console.log(`${name}.o: ${object.length} bytes`);
  }
  writeFileSync(join(objects, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    console.error('usage: build-objects <package folder>');
    process.exitCode = 2;
  } else {
    build(folder);
  }
}
