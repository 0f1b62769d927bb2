/**
 * Files that an experiment reads: prices, recordings, modules of the user. Each is read once.
 *
 * @module
 */
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SimulationError } from '../errors.ts';
import type { Checkpoint } from '../learn/train.ts';
import { readCheckpoint } from '../learn/checkpoint-file.ts';
import type { Agent, Controller } from '../loop/types.ts';
import { type PriceTable, sliceTimes } from '../prices/price-table.ts';
import { importFile, type RecordFormat } from '../records/import-file.ts';
import type { ColumnMapping } from '../records/mapping.ts';
import type { Recording } from '../records/recording.ts';
import type { Experiment } from './schema.ts';

export interface Resources {
  readonly prices: ReadonlyMap<string, PriceTable>;
  readonly history: Recording | null;
  readonly modules: ReadonlyMap<string, UserModule>;
  /** Trained policies. */
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
}

/** What a module of the user may export. */
export interface UserModule {
  readonly createAgent?: (options: Readonly<Record<string, unknown>>) => Agent;
  readonly createController?: (options: Readonly<Record<string, unknown>>) => Controller;
}

/** Tables that a worker keeps in memory. */
const TABLES_KEPT = 4;

/** Unix seconds, the first in and the last out. */
export type TimeWindow = readonly [from: number, to: number];

/** Path of a file by the name that the experiment has for it. */
type Place = (name: string) => string;

/** Reads a file of prices; a parameter so that tests can watch what is read. */
export type ReadPriceFile = (
  path: string,
  window: TimeWindow | null,
  format?: RecordFormat,
) => Promise<PriceTable>;

/**
 * Reads everything that the experiment names.
 *
 * @param window - Recorded prices and actions outside of these times are left out, and those after it are not read.
 */
export async function loadResources(
  experiment: Experiment,
  folder: string,
  options: {
    readonly window?: TimeWindow | null;
    readonly readPrices?: ReadPriceFile;
    /** Other places of files, by the name that the experiment has for them. */
    readonly files?: Readonly<Record<string, string>>;
  } = {},
): Promise<Resources> {
  const { window = null, readPrices = readPriceFile, files = {} } = options;
  const place = (name: string): string => resolve(folder, files[name] ?? name);
  const prices = new Map<string, PriceTable>();
  for (const { source, format } of priceSources(experiment)) {
    if (!prices.has(source)) prices.set(source, await readPrices(place(source), window, format));
  }
  return {
    prices,
    history: await loadHistory(experiment, place, window),
    modules: await loadModules(experiment, place),
    checkpoints: loadCheckpoints(experiment, place),
  };
}

/** Names of all files that an experiment reads. */
export function filesOf(experiment: Experiment): string[] {
  const { history, agents, controllers } = experiment;
  const modules = [...agents, ...controllers].flatMap((spec) =>
    spec.type === 'module' || spec.type === 'policy' ? [spec.file] : [],
  );
  const sources = priceSources(experiment).map(({ source }) => source);
  const records = history === undefined ? [] : [history.file, history.state ?? []].flat();
  return [...new Set([...sources, ...records, ...modules])];
}

/** The prices of a file, those of a window only when there is one. */
export async function readPriceFile(
  path: string,
  window: TimeWindow | null,
  format: RecordFormat = 'series',
): Promise<PriceTable> {
  const { recording, problems } = await importFile(path, {
    format,
    ...(window !== null && { before: window[1] }),
  });
  problems.throwIfAny();
  const { prices } = recording;
  if (prices === null) throw new SimulationError(`${path}: holds no prices`);
  return window === null ? prices : sliceTimes(prices, ...window);
}

/** Reads each file and window once, and keeps the last few. */
export function keptPrices(read: ReadPriceFile = readPriceFile): ReadPriceFile {
  const kept = new Map<string, Promise<PriceTable>>();
  return async (path, window, format) => {
    const key = `${path} ${format ?? ''} ${window?.join(' ') ?? ''}`;
    let table = kept.get(key);
    if (table === undefined) {
      table = read(path, window, format);
      kept.set(key, table);
      const [oldest] = kept.keys();
      if (kept.size > TABLES_KEPT) kept.delete(oldest!);
    }
    return table;
  };
}

async function loadHistory(
  { history }: Experiment,
  place: Place,
  window: TimeWindow | null,
): Promise<Recording | null> {
  if (history === undefined) return null;
  const { recording, problems } = await importFile(place(history.file), {
    format: history.format,
    units: history.units,
    ...(history.pool !== undefined && { pool: history.pool }),
    ...(history.mapping !== undefined && { mapping: history.mapping as ColumnMapping }),
    ...(history.state !== undefined && { state: place(history.state) }),
    ...(window !== null && { before: window[1] }),
  });
  problems.throwIfAny();
  if (window === null) return recording;
  const [from, to] = window;
  return { ...recording, actions: recording.actions.filter(({ t }) => t >= from && t < to) };
}

/** Files of prices and how they are to be read. */
function priceSources({
  price,
  gas,
}: Experiment): { readonly source: string; readonly format: RecordFormat }[] {
  const tokens = Object.values(price).flatMap((spec) =>
    'source' in spec ? [{ source: spec.source, format: spec.format }] : [],
  );
  return gas?.source === undefined ? tokens : [...tokens, { source: gas.source, format: 'series' }];
}

function loadCheckpoints(
  { agents, controllers }: Experiment,
  place: Place,
): Map<string, Checkpoint> {
  const files = [...agents, ...controllers].flatMap((spec) =>
    spec.type === 'policy' ? [spec.file] : [],
  );
  return new Map(files.map((file) => [file, readCheckpoint(place(file))]));
}

async function loadModules(experiment: Experiment, place: Place): Promise<Map<string, UserModule>> {
  const modules = new Map<string, UserModule>();
  for (const spec of [...experiment.agents, ...experiment.controllers]) {
    if (spec.type !== 'module' || modules.has(spec.file)) continue;
    const path = place(spec.file);
    if (!['.js', '.mjs', '.ts', '.mts'].includes(extname(path))) {
      throw new SimulationError(`${spec.file}: must be a JavaScript or TypeScript module`);
    }
    modules.set(spec.file, (await import(pathToFileURL(path).href)) as UserModule);
  }
  return modules;
}
