/**
 * Reads a container file, and does by hand what a builder of images would do with it.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where an image has its programs. */
const PATH = 'export PATH=/usr/local/bin:/usr/bin:/bin';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Its stages, in order; the first instruction of each is `FROM`. */
export function readContainerfile(file: string): readonly (readonly Instruction[])[] {
  const lines = readFileSync(file, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, name = '', text = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    stages.at(-1)!.push({ name, text });
  }
  return stages;
}

/** The text of the last instruction of a name. */
export function lastOf(stage: readonly Instruction[], name: string): string | undefined {
  return stage.findLast((instruction) => instruction.name === name)?.text;
}

/**
 * Follows the `COPY`, `RUN` and `WORKDIR` of one stage in a folder that stands for its root. `RUN` is
 * run inside that root, so nothing of the machine outside is there that was not put in.
 *
 * @param sources - Where `COPY` takes from: this folder, or that of the stage that it names.
 */
export async function follow(
  stage: readonly Instruction[],
  root: string,
  sources: { readonly context: string; readonly stages: Readonly<Record<string, string>> },
): Promise<void> {
  let workFolder = '/';
  for (const { name, text } of stage) {
    if (name === 'WORKDIR') {
      workFolder = text;
      mkdirSync(join(root, text), { recursive: true });
    } else if (name === 'COPY') {
      copy(text, { root, workFolder, sources });
    } else if (name === 'RUN') {
      // oxlint-disable-next-line no-await-in-loop -- one step after the other
      await run('chroot', [root, '/bin/sh', '-ec', `${PATH}; cd ${workFolder}; ${text}`]);
    }
  }
}

function copy(
  text: string,
  {
    root,
    workFolder,
    sources,
  }: {
    readonly root: string;
    readonly workFolder: string;
    readonly sources: Parameters<typeof follow>[2];
  },
): void {
  const [, stage, from = '', to = ''] = /^(?:--from=(\S+)\s+)?(\S+)\s+(\S+)$/.exec(text) ?? [];
  const source = join(stage === undefined ? sources.context : sources.stages[stage]!, from);
  const target = join(root, resolve(workFolder, to));
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true, verbatimSymlinks: true });
}

/** Puts programs with the libraries that they need into a folder that stands for a root. */
export async function install(
  programs: Readonly<Record<string, string>>,
  root: string,
): Promise<void> {
  for (const [path, program] of Object.entries(programs)) {
    // oxlint-disable-next-line no-await-in-loop -- a handful
    const { stdout } = await run('ldd', [program]);
    for (const [, library] of stdout.matchAll(/(\/\S+)\s+\(0x/g)) place(library!, library!, root);
    place(program, path, root);
    chmodSync(join(root, path), 0o755);
  }
}

function place(from: string, to: string, root: string): void {
  const target = join(root, to);
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  cpSync(from, target, { dereference: true });
}

/** The words of an `ENTRYPOINT` or `CMD` in its array form. */
export function wordsOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : (JSON.parse(text) as string[]);
}
