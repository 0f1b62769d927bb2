/**
 * Copies of the engine in which one call rounds the other way. A suite that cannot tell such a copy
 * from the bytecode proves nothing about that call.
 *
 * @module
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as EngineDriverModule from './engine-driver.ts';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** Files whose rounding the suite has to notice. */
const FOLDERS = ['src/math', 'src/v2/pools', 'src/v2'];

/** Functions that come in two directions. */
const TWINS: Readonly<Record<string, string>> = {
  mulDown: 'mulUp',
  mulUp: 'mulDown',
  divDown: 'divUp',
  divUp: 'divDown',
  powDown: 'powUp',
  powUp: 'powDown',
  downscaleDown: 'downscaleUp',
  downscaleUp: 'downscaleDown',
  downscaleAllDown: 'downscaleAllUp',
  downscaleAllUp: 'downscaleAllDown',
};

const CALL = new RegExp(
  `(?<![\\w.]|function )((?:\\w+\\.)*)(${Object.keys(TWINS).join('|')})\\(`,
  'gu',
);

/** One call that rounds the other way. */
export interface Mutant {
  /** `src/math/weighted.ts:120 mulDown -> mulUp`. */
  readonly name: string;
  readonly file: string;
  readonly source: string;
}

/** Every call of a rounding function in the engine, flipped one at a time. */
export async function roundingMutants(): Promise<Mutant[]> {
  const files = await Promise.all(
    FOLDERS.map(async (folder) =>
      (await readdir(join(PACKAGE, folder), { withFileTypes: true }))
        .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
        .map((entry) => `${folder}/${entry.name}`),
    ),
  );
  const mutants = await Promise.all(
    files.flat().map(async (file) => mutantsOf(file, await readFile(join(PACKAGE, file), 'utf8'))),
  );
  return mutants.flat();
}

function mutantsOf(file: string, source: string): Mutant[] {
  return [...source.matchAll(CALL)].flatMap((match) => {
    const [text, qualifier = '', called = ''] = match;
    const lineStart = source.lastIndexOf('\n', match.index) + 1;
    const line = source.slice(lineStart, source.indexOf('\n', match.index));
    if (/^\s*(?:\*|\/\/|\/\*\*|import|export|function)/u.test(line)) return [];
    // Taken out of its object, a power function has no twin beside it.
    if (called.startsWith('pow') && qualifier === '') return [];
    const twin = TWINS[called]!;
    const number = source.slice(0, match.index).split('\n').length;
    const before = source.slice(0, match.index);
    const after = source.slice(match.index + text.length);
    return [
      {
        name: `${file}:${number} ${called} -> ${twin}`,
        file,
        source: withImport(file, `${before}${qualifier}${twin}(${after}`, qualifier, twin),
      },
    ];
  });
}

/** The twin may not be imported where it is now called. */
function withImport(file: string, source: string, qualifier: string, twin: string): string {
  if (qualifier !== '' || new RegExp(`\\b${twin}\\b[^(]`, 'u').test(source)) return source;
  const home = twin.startsWith('downscale') ? 'v2/pools/scaling.ts' : 'math/fixed-point.ts';
  if (file === `src/${home}` || twin.startsWith('pow')) return source;
  const depth = '../'.repeat(file.split('/').length - 2) || './';
  return `import { ${twin} } from '${depth}${home}';\n${source}`;
}

/** The engine driver of a copy of the package with the mutant's file in it; the copy is removed afterwards. */
export async function withMutant<T>(
  mutant: Mutant,
  use: (module: typeof EngineDriverModule) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-mutant-'));
  try {
    await cp(join(PACKAGE, 'src'), join(folder, 'src'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, mutant.file), mutant.source);
    if (mutant.file.startsWith('src/math/')) await withoutPairs(folder);
    await copyDriver(folder);
    const url = pathToFileURL(join(folder, 'test/differential/engine-driver.ts')).href;
    // oxlint-disable-next-line no-unsafe-type-assertion -- a copy of that very module
    return await use((await import(/* @vite-ignore */ url)) as typeof EngineDriverModule);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Where pairs of doubles tell a result, the contract's own steps do not run, so a mutant of those
 * would never show. Nothing is certain any more once no number can be read into a pair.
 */
async function withoutPairs(folder: string): Promise<void> {
  const path = join(folder, 'src/math/double-double.ts');
  const source = await readFile(path, 'utf8');
  const start = 'export function load(to: Register, whole: bigint): boolean {';
  if (!source.includes(start)) throw new Error(`${path} has no ${start}`);
  await writeFile(path, source.replace(start, `${start} if (whole >= 0n) return false;`));
}

/** The driver's own modules go along; what they need of the EVM harness is read from the real place. */
async function copyDriver(folder: string): Promise<void> {
  const names = await readdir(join(PACKAGE, 'test/differential'));
  await cp(join(PACKAGE, 'test/differential'), join(folder, 'test/differential'), {
    recursive: true,
    filter: (path) => !path.endsWith('.test.ts'),
  });
  const evm = pathToFileURL(join(PACKAGE, 'test/evm')).href;
  await Promise.all(
    names
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map(async (name) => {
        const path = join(folder, 'test/differential', name);
        const source = await readFile(path, 'utf8');
        await writeFile(path, source.replaceAll("from '../evm/", `from '${evm}/`));
      }),
  );
}
