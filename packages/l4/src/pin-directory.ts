/**
 * Where the plane lives while no process runs: its pins in a bpf file system, and the file that says what
 * it changed on the host. One process at a time has it.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type DirectoryLock,
  isBpfFilesystem,
  lockDirectory,
  mountBpfFilesystem,
} from '@balancer/ebpf';
import { META } from './constants.ts';
import { PlaneError } from './errors.ts';
import { type HostState, hostStatePath, readHostState, writeHostState } from './host-state.ts';

export class PinDirectory {
  /** Where the maps of this release's layout are pinned. */
  readonly path: string;
  /** Where the maps of a former release are pinned, whose layout is another one. */
  readonly former: string | undefined;
  readonly #statePath: string;
  readonly #locks: DirectoryLock[] = [];
  /** Where a bpf file system was mounted for it; `''` when there was one. */
  readonly #mounted: string;
  readonly #wasEmpty: boolean;

  /**
   * Makes the directory where it is missing, and takes it.
   *
   * @param pinPath - In a bpf file system; one is mounted when it lies in none.
   * @throws {PlaneError} when another process has it.
   */
  constructor(pinPath: string) {
    this.path = join(pinPath, `v${META.schema}`);
    this.#statePath = hostStatePath(pinPath);
    this.#mounted = prepare(pinPath, this.path);
    this.#wasEmpty = !existsSync(join(this.path, 'l4_meta'));
    this.former = this.#wasEmpty ? this.#findFormer(pinPath) : undefined;
    for (const path of [this.path, this.former]) {
      const lock = path === undefined ? undefined : lockDirectory(path);
      if (lock) this.#locks.push(lock);
      if (lock || path === undefined) continue;
      this.abandon();
      const { pid } = readHostState(this.#statePath);
      throw new PlaneError(
        `the packet plane pinned at ${pinPath} is managed by process ${pid}; stop that first, or choose another l4.pin_path`,
      );
    }
  }

  /** The newest set of another layout that has maps in it. */
  #findFormer(pinPath: string): string | undefined {
    const number = (name: string): number => Number(name.slice(1));
    return setsOfMaps(pinPath)
      .toSorted((a, b) => number(b) - number(a))
      .map((name) => join(pinPath, name))
      .find((path) => path !== this.path && existsSync(join(path, 'l4_meta')));
  }

  /** What the plane changed on the host. */
  get hostState(): HostState {
    return readHostState(this.#statePath);
  }

  /** Notes what the plane changed on the host, and that this process did. */
  saveHostState({
    addresses,
    neighbours,
    role,
  }: Pick<HostState, 'addresses' | 'neighbours' | 'role'>): void {
    const before = this.hostState;
    writeHostState(this.#statePath, {
      pid: process.pid,
      addresses,
      neighbours,
      clsact: before.clsact,
      role,
      mounted: this.#mounted === '' ? before.mounted : this.#mounted,
    });
  }

  /** Lets go of it; pins stay. */
  close(): void {
    for (const lock of this.#locks.splice(0)) lock.close();
  }

  /** Lets go after a failed start: pins go as well if there were none before. */
  abandon(): void {
    this.close();
    if (!this.#wasEmpty || !existsSync(this.path)) return;
    for (const name of readdirSync(this.path)) {
      rmSync(join(this.path, name), { recursive: true, force: true });
    }
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** @returns Where a bpf file system was mounted; `''` when there was one. */
function prepare(pinPath: string, directory: string): string {
  const parent = dirname(pinPath);
  let mounted = '';
  try {
    if (!isBpfFilesystem(pinPath) && !isBpfFilesystem(parent)) {
      mountBpfFilesystem(parent);
      mounted = parent;
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PlaneError(
      `cannot use l4.pin_path ${pinPath}: ${reason}; run as root, or mount one yourself: mount -t bpf bpf ${parent}`,
      { cause: error },
    );
  }
  return mounted;
}

/** Names of the sets of maps at `pinPath`, one for each layout that was ever loaded there. */
export function setsOfMaps(pinPath: string): string[] {
  if (!existsSync(pinPath)) return [];
  return readdirSync(pinPath).filter((name) => /^v\d+$/.test(name));
}
