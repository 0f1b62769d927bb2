/**
 * `balancer sim check`, `import` and `fit`: recordings.
 *
 * @module
 */
import { EXIT } from '@balancer/kit';
import {
  type Action,
  actionsOfPrices,
  fitMarket,
  formatRecordProblem,
  importFile,
  type ImportOptions,
  importPrices,
  type ImportResult,
  profileOf,
  readMapping,
  RECORD_FORMATS,
  type RecordFormat,
  type Recording,
  writeActions,
} from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface ImportFlags {
  readonly format?: string;
  readonly state?: string;
  readonly units?: string;
  readonly pool?: string;
  readonly mapping?: string;
  readonly bar?: string;
  readonly symbol?: string;
  readonly decimals?: string;
  readonly json?: boolean;
}

/** Prints a profile; 1 when the recording has errors. */
export async function check(file: string, flags: ImportFlags, io: Io): Promise<number> {
  const { recording, problems } = await importFile(file, await optionsOf(file, flags));
  const profile = profileOf(recording);
  if (flags.json === true) {
    io.stdout.write(
      `${JSON.stringify({ ...profile, problems: problems.list, omitted: problems.dropped })}\n`,
    );
    return problems.errors > 0 ? EXIT.failed : EXIT.ok;
  }
  for (const problem of problems.list) io.stderr.write(`${formatRecordProblem(problem)}\n`);
  if (problems.dropped > 0) io.stderr.write(`(${problems.dropped} more findings omitted)\n`);
  const time = (seconds: number | null): string =>
    seconds === null ? '-' : new Date(seconds * 1000).toISOString();
  io.stdout.write(`rows    ${profile.rows}\n`);
  for (const [kind, count] of Object.entries(profile.kinds))
    io.stdout.write(`  ${kind.padEnd(10)} ${count}\n`);
  if (profile.priceRows > 0) io.stdout.write(`prices  ${profile.priceRows}\n`);
  io.stdout.write(`from    ${time(profile.from)}\nto      ${time(profile.to)}\n`);
  for (const [token, volume] of Object.entries(profile.volume))
    io.stdout.write(`volume  ${volume} ${token}\n`);
  return problems.errors > 0 ? EXIT.failed : EXIT.ok;
}

/**
 * Writes the canonical form; files of prices, one token each, are joined on their times. Nothing is
 * written when a recording has errors.
 */
export async function convert(
  files: readonly string[],
  flags: ImportFlags & { readonly out: string },
  io: Io,
): Promise<number> {
  const actions = await actionsOfFiles(files, flags, io);
  await writeActions(flags.out, actions);
  io.stderr.write(`${actions.length} actions written to ${flags.out}\n`);
  return EXIT.ok;
}

async function actionsOfFiles(
  files: readonly string[],
  flags: ImportFlags,
  io: Io,
): Promise<readonly Action[]> {
  const [first = ''] = files;
  const options = await optionsOf(first, flags);
  if (files.length > 1) {
    if (options.format !== 'ohlc' && options.format !== 'series')
      throw new UsageError(
        'several files: only prices (ohlc, series) are joined; import the others one by one',
      );
    return actionsOfPrices(await importPrices(files, options));
  }
  const { actions, prices } = sound(await importFile(first, options), io);
  return actions.length === 0 && prices !== null ? actionsOfPrices(prices) : actions;
}

/** Prints the estimates as TOML. */
export async function fit(file: string, flags: ImportFlags, io: Io): Promise<number> {
  io.stdout.write(fitMarket(sound(await importFile(file, await optionsOf(file, flags)), io)));
  return EXIT.ok;
}

/** The recording without errors; warnings are printed. @throws {RecordError} */
export function sound({ recording, problems }: ImportResult, io: Io): Recording {
  problems.throwIfAny();
  for (const problem of problems.list) io.stderr.write(`${formatRecordProblem(problem)}\n`);
  return recording;
}

/** What the flags say about a file. @throws {UsageError} */
export async function optionsOf(file: string, flags: ImportFlags): Promise<ImportOptions> {
  const format = (flags.format ?? (file.endsWith('.ndjson') ? 'ndjson' : 'csv')) as RecordFormat;
  if (!RECORD_FORMATS.includes(format))
    throw new UsageError(`--format: must be one of ${RECORD_FORMATS.join(', ')}; got ${format}`);
  if (flags.units !== undefined && flags.units !== 'raw' && flags.units !== 'decimal') {
    throw new UsageError(`--units: must be raw or decimal; got ${flags.units}`);
  }
  const { bar } = flags;
  if (bar !== undefined && bar !== 'mid' && bar !== 'close' && bar !== 'hlc3')
    throw new UsageError(`--bar: must be mid, close or hlc3; got ${bar}`);
  return {
    format,
    ...(bar !== undefined && { barPrice: bar }),
    ...(flags.mapping !== undefined && { mapping: await readMapping(flags.mapping) }),
    ...(flags.state !== undefined && { state: flags.state }),
    ...(flags.units !== undefined && { units: flags.units }),
    ...(flags.pool !== undefined && { pool: flags.pool }),
    ...(flags.symbol !== undefined && { symbol: flags.symbol }),
    ...(flags.decimals !== undefined && { decimals: decimalsOf(flags.decimals) }),
  };
}

function decimalsOf(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [symbol, decimals] = pair.split('=');
      if (!/^\d{1,2}$/.test(decimals ?? ''))
        throw new UsageError(
          `--decimals: must be SYMBOL=decimals, separated by commas; got ${pair}`,
        );
      return [symbol!, Number(decimals)];
    }),
  );
}
