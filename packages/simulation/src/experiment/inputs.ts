/**
 * The files that an experiment reads, by what they hold: results of one run never come from two
 * versions of a file.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SimulationError } from '../errors.ts';
import { writeWhole } from './manifest.ts';
import type { Plan } from './plan.ts';
import { filesOf } from './resources.ts';

/** SHA-256 of each file, by the name that the experiment has for it. */
export type InputDigests = Readonly<Record<string, string>>;

const FILE = 'inputs.json';

/** Names of all files that the points of a plan read. */
export function inputsOf(plan: Plan): string[] {
  return [...new Set(plan.points.flatMap(({ experiment }) => filesOf(experiment)))];
}

/** @throws {SimulationError} For a file that cannot be read. */
export async function digestsOf(plan: Plan): Promise<InputDigests> {
  const digests: Record<string, string> = {};
  for (const name of inputsOf(plan)) digests[name] = await digestOf(resolve(plan.folder, name));
  return digests;
}

/**
 * Keeps the digests beside the shards of a run, and compares them with those that were kept when it
 * began.
 *
 * @throws {SimulationError} Naming the files that have changed since.
 */
export function keepDigests(shards: string, digests: InputDigests): void {
  const path = join(shards, FILE);
  if (!existsSync(path)) return writeWhole(path, `${JSON.stringify(digests)}\n`);
  const kept = JSON.parse(readFileSync(path, 'utf8')) as InputDigests;
  const changed = Object.keys(digests).filter((name) => kept[name] !== digests[name]);
  if (changed.length === 0) return;
  throw new SimulationError(
    `${changed.join(', ')}: changed since the run began, so its results would be of two kinds; ` +
      `put the old contents back, or start anew with: rm -r ${shards}`,
  );
}

async function digestOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  } catch (error) {
    throw new SimulationError(`${path}: cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return digest.digest('hex');
}
