/**
 * Gives a host's addresses up in place of a process that has died: the kernel answers for them on its own, and
 * another host is about to take them.
 *
 * @module
 */
import { join } from 'node:path';
import { lockDirectory } from '@balancer/ebpf';
import { HostAddresses } from './addresses.ts';
import { PlaneError } from './errors.ts';
import { hostStatePath, readHostState, writeHostState } from './host-state.ts';
import { setsOfMaps } from './pin-directory.ts';
import type { Role } from './presence.ts';

/**
 * Removes the addresses that the plane at `pinPath` put on this host, and leaves the role to the next
 * process.
 *
 * @returns The addresses that were removed.
 * @throws {PlaneError} while a process manages the plane: it is the one to be asked.
 */
export function stepAside(pinPath: string, role: Exclude<Role, 'master'>): string[] {
  const statePath = hostStatePath(pinPath);
  const state = readHostState(statePath);
  const locks = setsOfMaps(pinPath).map((name) => lockDirectory(join(pinPath, name)));
  try {
    if (locks.includes(undefined)) {
      throw new PlaneError(`process ${state.pid} manages the packet plane at ${pinPath}; ask it`);
    }
    new HostAddresses(state.addresses).follow([]);
    writeHostState(statePath, { ...state, addresses: [], role });
    return state.addresses.map(({ address }) => address);
  } finally {
    for (const lock of locks) lock?.close();
  }
}
