/**
 * The manifest of a folder of results: what was run, by what, and how much of it is there.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SimulationError } from '../errors.ts';
import type { OptimisationResult } from '../optimise/result.ts';
import type { InputDigests } from './inputs.ts';
import type { Plan } from './plan.ts';
import type { TableCounts } from '../tables/write.ts';

/** What `manifest.json` holds; nothing in it depends on time or machine. */
export interface Manifest {
  readonly name: string;
  readonly hash: string;
  readonly seed: string;
  readonly mode: string;
  readonly complete: boolean;
  readonly points: number;
  readonly duplicatePoints: number;
  readonly jobs: number;
  readonly counts: TableCounts;
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
  readonly versions: { readonly simulation: string; readonly node: string };
  readonly experiment: unknown;
  /** SHA-256 of each file that the experiment reads, by its name there. */
  readonly inputs: InputDigests;
  /** Of an experiment with `[optimise]`; the runs are then those of the test. */
  readonly optimisation?: OptimisationResult;
}

const VERSION = '0.1.0';
const FILE = 'manifest.json';

export function manifestOf(
  plan: Plan,
  {
    counts,
    inputs,
    isComplete,
  }: {
    readonly counts: TableCounts;
    readonly inputs: InputDigests;
    readonly isComplete: boolean;
  },
): Manifest {
  const { experiment, hash, points, duplicates, jobs, parameters, metrics } = plan;
  return {
    name: experiment.name,
    hash,
    seed: String(experiment.seed),
    mode: experiment.mode,
    complete: isComplete,
    points: points.length,
    duplicatePoints: duplicates,
    jobs,
    counts,
    parameters,
    metrics,
    // Floats may differ in the last digits between majors of Node, so results name theirs.
    versions: { simulation: VERSION, node: process.versions.node.split('.')[0]! },
    experiment,
    inputs,
  };
}

/** The manifest of a folder of results. @throws {SimulationError} When there is none. */
export function readManifest(out: string): Manifest {
  const path = join(out, FILE);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch (error) {
    throw new SimulationError(
      `${path}: cannot be read: ${(error as Error).message}; name a folder that a run has written`,
      { cause: error },
    );
  }
}

export function writeManifest(out: string, manifest: Manifest): void {
  writeWhole(join(out, FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** What a run took; it differs from run to run, and so stands apart from the manifest. */
export function writeTiming(
  out: string,
  timing: { readonly seconds: number; readonly workers: number; readonly resumedShards: number },
): void {
  writeWhole(join(out, 'timing.json'), `${JSON.stringify(timing)}\n`);
}

/** Writes a file so that it is there as a whole or not at all. @throws {SimulationError} */
export function writeWhole(path: string, text: string): void {
  try {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    rmSync(`${path}.tmp`, { force: true });
    throw unwritable(path, error);
  }
}

/**
 * Writes all of a text to an open file: a disk that is nearly full takes a part and says nothing.
 *
 * @throws {SimulationError} Naming the file.
 */
export function appendWhole(path: string, file: number, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): SimulationError {
  return new SimulationError(
    `${path}: cannot be written: ${(error as Error).message}; make room, and the same command goes on`,
    { cause: error },
  );
}

/** @throws {SimulationError} Saying which flag names another folder. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new SimulationError(
      `${folder}: cannot be made: ${(error as Error).message}; choose another with --out`,
      { cause: error },
    );
  }
}
