/**
 * Copies of the engine in which one call or one division rounds the other way. A suite that cannot
 * tell such a copy from the bytecode proves nothing about that place.
 *
 * The formulas answer through shortcuts where a shortcut is certain of the exact result, and the exact
 * steps would hide behind them; the copies have no shortcuts, so that every step counts.
 *
 * @module
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as EngineDriverModule from './engine-driver.ts';
import type * as ReplayModule from '../../src/vectors/replay.ts';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** Files whose rounding the suite has to notice. */
const FOLDERS = ['src/math', 'src/v2/pools', 'src/v2'];

/** Files of those folders that compute no amounts: shortcuts, prices and explanations for people, checks of input. */
const EXEMPT =
  /certified|double-double|v2\/(?:prices|trace|liquidity-basis|user-data|create|creation-checks|kinds|governance)\.ts/u;

/** Functions that answer null where they are not certain. */
const SHORTCUT = /^(export )?function (certified\w+)\(/gmu;

/** Functions that come in two directions. */
const TWINS: Readonly<Record<string, string>> = {
  mulDown: 'mulUp',
  mulUp: 'mulDown',
  divDown: 'divUp',
  divUp: 'divDown',
  powDown: 'powUp',
  powUp: 'powDown',
  quotientDown: 'quotientUp',
  quotientUp: 'quotientDown',
  divUsual: 'divOpposite',
  divOpposite: 'divUsual',
  downscaleDown: 'downscaleUp',
  downscaleUp: 'downscaleDown',
  downscaleAllDown: 'downscaleAllUp',
  downscaleAllUp: 'downscaleAllDown',
};

const CALL = new RegExp(
  `(?<![\\w.]|function )((?:\\w+\\.)*)(${Object.keys(TWINS).join('|')})(?=[(,;)\\s])`,
  'gu',
);
const DIVISION = / \/=? /gu;
/** Which way an invariant of 2021 rounds. */
const DIRECTION = /(?<=invariant\(.*, )(?:true|false)(?=\))/gu;
const OWNER = /^(?:export )?(?:function|const) (\w+)|^ {2}(\w+)\((?:.*\{)?$/u;

/** One place that rounds the other way. */
export interface Mutant {
  /** `src/math/weighted.ts outGivenIn mulDown#1`: file, function, what is flipped, which of these in it. */
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly source: string;
}

/** Every rounding of the engine, flipped one at a time. */
export async function roundingMutants(): Promise<Mutant[]> {
  const files = await Promise.all(
    FOLDERS.map(async (folder) =>
      (await readdir(join(PACKAGE, folder), { withFileTypes: true }))
        .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
        .map((entry) => `${folder}/${entry.name}`)
        .filter((file) => !EXEMPT.test(file)),
    ),
  );
  const mutants = await Promise.all(
    files.flat().map(async (file) => mutantsOf(file, await readFile(join(PACKAGE, file), 'utf8'))),
  );
  return mutants.flat();
}

function mutantsOf(file: string, source: string): Mutant[] {
  const counts = new Map<string, number>();
  const mutants: Mutant[] = [];
  let owner = '';
  let start = 0;
  for (const [index, line] of source.split('\n').entries()) {
    const named = OWNER.exec(line);
    if (named !== null) owner = named[1] ?? named[2] ?? '';
    for (const flip of isCode(line) && !isShortcut(owner) ? flipsOf(file, line) : []) {
      const place = `${file} ${owner} ${flip.what}`;
      const count = (counts.get(place) ?? 0) + 1;
      counts.set(place, count);
      const before = source.slice(0, start);
      const after = source.slice(start + line.length);
      mutants.push({
        name: `${place}#${count}`,
        file,
        line: index + 1,
        source: `${flip.prefix}${before}${flip.line}${after}`,
      });
    }
    start += line.length + 1;
  }
  return mutants;
}

/** Comments, imports, constants and names for functions round nothing. */
const NO_CODE =
  /^\s*(?:\*|\/\/|\/\*\*|import|export function|(?:export )?const [A-Z]|function|\w+,$|pow\w+\(.*\{$|const (?:\{.*\}|divUsual|divOpposite) =)/u;

function isCode(line: string): boolean {
  return !NO_CODE.test(line);
}

function isShortcut(owner: string): boolean {
  return owner.startsWith('certified');
}

interface Flip {
  readonly what: string;
  readonly line: string;
  /** What the file needs besides. */
  readonly prefix: string;
}

function flipsOf(file: string, line: string): Flip[] {
  const calls = [...line.matchAll(CALL)].map((match): Flip => {
    const [text, qualifier = '', called = ''] = match;
    const { name, prefix } = twinOf(file, qualifier, TWINS[called]!);
    const flipped = line.slice(0, match.index) + name + line.slice(match.index + text.length);
    return { what: called, line: flipped, prefix };
  });
  const divisions = [...line.matchAll(DIVISION)].flatMap((match): Flip[] => {
    const flipped = ceiled(line, match.index, match[0]);
    return flipped === null ? [] : [{ what: 'division', line: flipped, prefix: CEIL }];
  });
  const directions = [...line.matchAll(DIRECTION)].map((match): Flip => {
    const [text] = match;
    const other = text === 'true' ? 'false' : 'true';
    const flipped = line.slice(0, match.index) + other + line.slice(match.index + text.length);
    return { what: 'direction', line: flipped, prefix: '' };
  });
  return [...calls, ...divisions, ...directions];
}

/** Rounds away from zero, so that it differs from the language's own division wherever there is a rest. */
const CEIL =
  'const awayFromZero = (a, b) => a % b === 0n ? a / b : a / b + ((a < 0n) === (b < 0n) ? 1n : -1n);\n';

/** The line with the division at `at` rounded away from zero; null for one that is not of integers. */
function ceiled(line: string, at: number, operator: string): string | null {
  const left = operandBefore(line, at);
  const right = operandAfter(line, at + operator.length);
  if (/Number|Math/u.test(left + right) || left === '') return null;
  const before = line.slice(0, at - left.length);
  const after = line.slice(at + operator.length + right.length);
  return operator === ' /= '
    ? `${before}${left} = awayFromZero(${left}, ${right})${after}`
    : `${before}awayFromZero(${left}, ${right})${after}`;
}

const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[' };

function operandBefore(line: string, end: number): string {
  let at = end;
  while (at > 0) {
    const character = line[at - 1]!;
    const opening = OPENING[character];
    if (opening !== undefined) {
      for (let depth = 0; at > 0;) {
        at--;
        if (line[at] === character) depth++;
        if (line[at] === opening && --depth === 0) break;
      }
    } else if (/[\w.!]/u.test(character)) at--;
    else break;
  }
  return line.slice(at, end);
}

function operandAfter(line: string, start: number): string {
  let at = start;
  let depth = 0;
  while (at < line.length) {
    const character = line[at]!;
    if (depth === 0 && !/[\w.!([]/u.test(character)) break;
    if ('(['.includes(character)) depth++;
    if (')]'.includes(character)) depth--;
    at++;
  }
  return line.slice(start, at);
}

/** How a file calls the twin, which it may not have imported. */
function twinOf(
  file: string,
  qualifier: string,
  twin: string,
): { readonly name: string; readonly prefix: string } {
  if (qualifier !== '' || /^div(?:Usual|Opposite)/u.test(twin)) {
    return { name: `${qualifier}${twin}`, prefix: '' };
  }
  if (twin.startsWith('pow')) {
    const revision = "(typeof revision === 'undefined' ? rulesOf(pool).revision : revision)";
    return { name: `${revision}.fixedPoint.${twin}`, prefix: '' };
  }
  const [home, name] = twin.startsWith('quotient')
    ? ['uint.ts', twin.replace('quotient', 'div')]
    : [twin.startsWith('downscale') ? 'v2/pools/scaling.ts' : 'math/fixed-point.ts', twin];
  if (file === `src/${home}`) return { name, prefix: '' };
  const up = '../'.repeat(file.split('/').length - 2) || './';
  return { name: 'twin', prefix: `import { ${name} as twin } from '${up}${home}';\n` };
}

/** What a copy of the engine offers. */
export interface MutantEngine {
  readonly EngineDriver: typeof EngineDriverModule.EngineDriver;
  readonly replayCase: typeof ReplayModule.replayCase;
}

/** The engine of a copy of the package, with the mutant's file in it if there is one; removed afterwards. */
export async function withMutant<T>(
  mutant: Pick<Mutant, 'file' | 'source'> | null,
  use: (engine: MutantEngine) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-mutant-'));
  try {
    await cp(join(PACKAGE, 'src'), join(folder, 'src'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    if (mutant !== null) await writeFile(join(folder, mutant.file), mutant.source);
    await withoutShortcuts(join(folder, 'src/math'));
    await copyDriver(folder);
    const load = (path: string): Promise<unknown> =>
      import(/* @vite-ignore */ pathToFileURL(join(folder, path)).href);
    // oxlint-disable-next-line no-unsafe-type-assertion -- a copy of that very module
    const driver = (await load('test/differential/engine-driver.ts')) as typeof EngineDriverModule;
    // oxlint-disable-next-line no-unsafe-type-assertion -- a copy of that very module
    const vectors = (await load('src/vectors/replay.ts')) as typeof ReplayModule;
    return await use({ EngineDriver: driver.EngineDriver, replayCase: vectors.replayCase });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function withoutShortcuts(folder: string): Promise<void> {
  await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      const source = await readFile(path, 'utf8');
      const uncertain = source.replaceAll(
        SHORTCUT,
        (_, exported: string | undefined, found: string) =>
          `${exported ?? ''}function ${found}() { return null; }\nfunction ${found}Unused(`,
      );
      if (uncertain !== source) await writeFile(path, uncertain);
    }),
  );
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
