/**
 * Files that an experiment reads: prices, recordings, modules of the user. Each is read once.
 *
 * @module
 */
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SimulationError } from '../errors.ts';
import type { Agent, Controller } from '../loop/types.ts';
import { type PriceTable, sliceTimes } from '../prices/price-table.ts';
import { importFile } from '../records/import-file.ts';
import type { Recording } from '../records/recording.ts';
import type { Experiment } from './schema.ts';

export interface Resources {
  readonly prices: ReadonlyMap<string, PriceTable>;
  readonly history: Recording | null;
  readonly modules: ReadonlyMap<string, UserModule>;
}

/** What a module of the user may export. */
export interface UserModule {
  readonly createAgent?: (options: Readonly<Record<string, unknown>>) => Agent;
  readonly createController?: (options: Readonly<Record<string, unknown>>) => Controller;
}

/** Reads a file of prices; a parameter so that tests can watch what is read. */
export type ReadPriceFile = (path: string) => Promise<PriceTable>;

/**
 * Reads everything that the experiment names.
 *
 * @param window - Recorded prices outside of these times are dropped as they are read.
 */
export async function loadResources(
  experiment: Experiment,
  folder: string,
  options: {
    readonly window?: readonly [number, number];
    readonly readPrices?: ReadPriceFile;
  } = {},
): Promise<Resources> {
  const { window, readPrices = readPriceFile } = options;
  const prices = new Map<string, PriceTable>();
  for (const spec of Object.values(experiment.price)) {
    if (!('source' in spec) || prices.has(spec.source)) continue;
    const table = await readPrices(resolve(folder, spec.source));
    prices.set(spec.source, window === undefined ? table : sliceTimes(table, window[0], window[1]));
  }
  return {
    prices,
    history: await loadHistory(experiment, folder),
    modules: await loadModules(experiment, folder),
  };
}

async function readPriceFile(path: string): Promise<PriceTable> {
  const { recording, problems } = await importFile(path, { format: 'series' });
  problems.throwIfAny();
  if (recording.prices === null) throw new SimulationError(`${path}: holds no prices`);
  return recording.prices;
}

async function loadHistory({ history }: Experiment, folder: string): Promise<Recording | null> {
  if (history === undefined) return null;
  const { recording, problems } = await importFile(resolve(folder, history.file), {
    format: history.format,
    units: history.units,
    ...(history.state !== undefined && { state: resolve(folder, history.state) }),
  });
  problems.throwIfAny();
  return recording;
}

async function loadModules(
  experiment: Experiment,
  folder: string,
): Promise<Map<string, UserModule>> {
  const modules = new Map<string, UserModule>();
  for (const spec of [...experiment.agents, ...experiment.controllers]) {
    if (spec.type !== 'module' || modules.has(spec.file)) continue;
    const path = resolve(folder, spec.file);
    if (!['.js', '.mjs', '.ts', '.mts'].includes(extname(path))) {
      throw new SimulationError(`${spec.file}: must be a JavaScript or TypeScript module`);
    }
    modules.set(spec.file, (await import(pathToFileURL(path).href)) as UserModule);
  }
  return modules;
}
