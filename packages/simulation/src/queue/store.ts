/**
 * Where machines that share work leave files for each other: a folder that all of them see, or a
 * bucket behind an S3-compatible address. A file is there as a whole or not at all.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SimulationError } from '../errors.ts';
import { bucketStore } from './bucket.ts';

export interface Store {
  has(name: string): Promise<boolean>;
  /** Copies a local file into the store. */
  put(name: string, path: string): Promise<void>;
  /** Copies a file of the store to a local path, whose folder is there. */
  get(name: string, path: string): Promise<void>;
}

/**
 * The store that a text names: `s3+https://host/bucket/prefix` (or `s3+http`), otherwise a folder.
 *
 * @throws {SimulationError} When a bucket's keys are not in the environment.
 */
export function openStore(
  place: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Store {
  return /^s3\+https?:/.test(place) ? bucketStore(place.slice(3), environment) : folderStore(place);
}

function folderStore(folder: string): Store {
  return {
    async has(name) {
      try {
        await stat(join(folder, name));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw unusable(folder, error);
      }
    },
    put: async (name, path) => copyWhole(folder, path, join(folder, name)),
    get: async (name, path) => copyWhole(folder, join(folder, name), path),
  };
}

/** Under another name first: whoever looks for the file never sees a part of it. */
async function copyWhole(store: string, from: string, to: string): Promise<void> {
  const part = `${to}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, part);
    await rename(part, to);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw unusable(store, error);
  }
}

function unusable(folder: string, error: unknown): SimulationError {
  return new SimulationError(
    `${folder}: ${(error as Error).message}; --store must name a folder that this machine can write`,
    { cause: error },
  );
}
