/**
 * Listening sockets that somebody else opened for us: a service manager, or the process that we
 * take over from. An address of the configuration that is among them is not bound anew.
 *
 * @module
 */
import type { Server as NetServer } from 'node:net';
import { resolve } from 'node:path';
import { type Address, formatAddress } from '@balancer/kit';
import { Listener } from './listener.ts';
import { UdpListener } from './udp/udp-listener.ts';
import type { InheritedDescriptor } from './workers/protocol.ts';

export class InheritedListeners {
  private readonly listeners = new Map<string, Listener | UdpListener>();

  /**
   * Takes a socket over. Its clients wait until a frontend serves them.
   *
   * @throws {BindError} The descriptor is no such socket.
   */
  async add(transport: 'tcp' | 'udp', address: Address, fd: number): Promise<void> {
    const listener =
      transport === 'udp'
        ? await UdpListener.adopt(address, fd)
        : await Listener.adopt(address, fd);
    this.listeners.set(socketKey(transport, address), listener);
  }

  /** Takes part in a socket of another process. Its clients wait until a frontend serves them. */
  async share(address: Address, listening: NetServer): Promise<void> {
    this.listeners.set(socketKey('tcp', address), await Listener.share(address, listening));
  }

  /** Gives a socket away, once. */
  take(transport: 'tcp' | 'udp', address: Address): Listener | UdpListener | undefined {
    const key = socketKey(transport, address);
    const listener = this.listeners.get(key);
    this.listeners.delete(key);
    if (listener) listener.address = address;
    return listener;
  }

  /** Closes what nobody took, so that no client waits at a door that stays shut. */
  closeRest(): void {
    for (const listener of this.listeners.values()) listener.close();
    this.listeners.clear();
  }
}

/**
 * Takes over sockets by their descriptors; all of them at once, so that no client waits for another
 * socket's turn.
 *
 * @throws {BindError} A descriptor is no such socket.
 */
export async function openInherited(
  sockets: readonly InheritedDescriptor[],
): Promise<InheritedListeners> {
  const listeners = new InheritedListeners();
  await Promise.all(
    sockets.map(({ transport, address, fd }) => listeners.add(transport, address, fd)),
  );
  return listeners;
}

/** What tells bound sockets apart. `:3000` and `[::]:3000` look alike once they are bound. */
export function socketKey(transport: string, address: Address): string {
  if (address.kind === 'unix') return `${transport} ${resolve(address.path)}`;
  const isAny = address.host === '' || address.host === '::';
  return `${transport} ${isAny ? `:${address.port}` : formatAddress(address)}`;
}
