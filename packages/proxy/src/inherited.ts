/**
 * Listening sockets that somebody else opened for us: a service manager, or the process that we
 * take over from. An address of the configuration that is among them is not bound anew.
 *
 * @module
 */
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server as NetServer } from 'node:net';
import { type Address, formatAddress } from '@balancer/kit';
import { Listener } from './listener.ts';
import { UdpListener } from './udp/udp-listener.ts';

/** A listening socket, in the form that it was handed over in. */
export type InheritedHandle = { readonly fd: number } | NetServer | UdpSocket;

export class InheritedListeners {
  private readonly listeners = new Map<string, Listener | UdpListener>();

  /**
   * Takes a socket over. Its clients wait until a frontend serves them.
   *
   * @throws {BindError} The descriptor is no such socket.
   */
  async add(transport: 'tcp' | 'udp', address: Address, handle: InheritedHandle): Promise<void> {
    const listener =
      transport === 'udp'
        ? await UdpListener.adopt(address, handle as { fd: number } | UdpSocket)
        : await Listener.adopt(address, handle as { fd: number } | NetServer);
    this.listeners.set(keyOf(transport, address), listener);
  }

  /** Gives a socket away, once. */
  take(transport: 'tcp' | 'udp', address: Address): Listener | UdpListener | undefined {
    const key = keyOf(transport, address);
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

/** `:3000` and `[::]:3000` look alike once they are bound. */
function keyOf(transport: string, address: Address): string {
  const isAny = address.kind === 'inet' && (address.host === '' || address.host === '::');
  return `${transport} ${isAny ? `:${address.port}` : formatAddress(address)}`;
}
