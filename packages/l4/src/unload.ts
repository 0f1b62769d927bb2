/**
 * Takes everything of the plane off this host: programs, pins, neighbours, addresses. Afterwards the host
 * is as if the plane had never been there.
 *
 * @module
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listLinks, lockDirectory, RouteSocket, unmountBpfFilesystem } from '@balancer/ebpf';
import { HostAddresses } from './addresses.ts';
import { Attachments, removeFilters } from './attachments.ts';
import { PlaneError } from './errors.ts';
import { hostStatePath, readHostState, removeHostState } from './host-state.ts';
import { Neighbours } from './neighbours.ts';
import { setsOfMaps } from './pin-directory.ts';
import { removePins } from './take-over.ts';

/** What was there and is gone. */
export interface Unloaded {
  readonly pins: number;
  readonly addresses: readonly string[];
  readonly neighbours: readonly string[];
}

/**
 * Removes the plane that is pinned at `pinPath`.
 *
 * @throws {PlaneError} while a process manages it.
 */
export function unload(pinPath: string): Unloaded {
  const statePath = hostStatePath(pinPath);
  const state = readHostState(statePath);
  let pins = 0;
  for (const name of setsOfMaps(pinPath)) {
    const directory = join(pinPath, name);
    const lock = lockDirectory(directory);
    if (!lock) {
      throw new PlaneError(
        `process ${state.pid} manages the packet plane at ${pinPath}; stop it first: kill ${state.pid}`,
      );
    }
    try {
      new Attachments(directory).detachAll();
      pins += removePins(directory);
    } finally {
      lock.close();
    }
  }
  removeAllFilters();
  new Neighbours(state.neighbours).clear();
  new HostAddresses(state.addresses).follow([]);
  rmSync(pinPath, { recursive: true, force: true });
  if (
    state.mounted !== '' &&
    existsSync(state.mounted) &&
    readdirSync(state.mounted).length === 0
  ) {
    unmountBpfFilesystem(state.mounted);
  }
  removeHostState(statePath);
  return {
    pins,
    addresses: state.addresses.map(({ address }) => address),
    neighbours: state.neighbours.map(({ address }) => address),
  };
}

/** Filters of kernels without links for tc are not pinned; they are known by their names. */
function removeAllFilters(): void {
  const socket = RouteSocket.open();
  try {
    for (const { ifindex } of listLinks(socket)) removeFilters(socket, ifindex);
  } finally {
    socket.close();
  }
}
