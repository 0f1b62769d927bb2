/**
 * Checkpoints as files.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { SimulationError } from '../errors.ts';
import type { Checkpoint } from './train.ts';

/** @throws {SimulationError} For what is no checkpoint of `balancer sim train`. */
export function readCheckpoint(path: string): Checkpoint {
  let checkpoint: Checkpoint;
  try {
    checkpoint = JSON.parse(readFileSync(path, 'utf8')) as Checkpoint;
  } catch (error) {
    throw new SimulationError(`${path}: cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (checkpoint.format === 'simulation-policy/2') return checkpoint;
  throw new SimulationError(`${path}: is no checkpoint of balancer sim train`);
}
