/**
 * What the plane changed on the host besides its own pins, so that `unload` can undo it even after a
 * crash: a small file in the run directory, replaced as a whole.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AddressSpec } from '@balancer/ebpf';
import type { Role } from './presence.ts';

export interface HostState {
  /** The process that manages the plane, or did last. */
  readonly pid: number;
  /** Addresses that were added. */
  readonly addresses: readonly AddressSpec[];
  /** Neighbours that the kernel was told to keep resolved. */
  readonly neighbours: readonly { readonly ifindex: number; readonly address: string }[];
  /** Interfaces that were given a `clsact` queueing discipline. */
  readonly clsact: readonly number[];
  /** What this host is to others that serve the same; `undefined` before anybody said so. */
  readonly role: Role | undefined;
  /** Where a bpf file system was mounted; `''` when it was there. */
  readonly mounted: string;
}

export const EMPTY_HOST_STATE: HostState = {
  pid: 0,
  addresses: [],
  neighbours: [],
  clsact: [],
  role: undefined,
  mounted: '',
};

const RUN_DIRECTORY = '/run/balancer';

/** The file of the plane that is pinned at `pinPath`. */
export function hostStatePath(pinPath: string): string {
  const name = createHash('sha256').update(pinPath).digest('hex').slice(0, 12);
  return join(RUN_DIRECTORY, `l4-${name}.json`);
}

/** What the file says; nothing when there is none. */
export function readHostState(path: string): HostState {
  try {
    // Only this program writes there.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return {
      ...EMPTY_HOST_STATE,
      ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<HostState>),
    };
  } catch {
    return EMPTY_HOST_STATE;
  }
}

export function writeHostState(path: string, state: HostState): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, JSON.stringify(state), { mode: 0o600 });
  renameSync(fresh, path);
}

export function removeHostState(path: string): void {
  rmSync(path, { force: true });
}
