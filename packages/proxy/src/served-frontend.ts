/**
 * What the plane does with a frontend, whether it takes connections or datagrams.
 *
 * @module
 */
import { type Address, formatAddress } from '@balancer/kit';
import type { EndReason, Frontend, FrontendConfig } from '@balancer/lb';
import type { InheritedListeners } from './inherited.ts';
import { BindError, Listener } from './listener.ts';
import { UdpListener } from './udp/udp-listener.ts';

/** A bound address. */
export type BoundListener = Listener | UdpListener;

export interface ServedFrontend {
  readonly frontend: Frontend;
  readonly listeners: readonly BoundListener[];
  /** Connections or sessions that are open. */
  readonly open: number;
  /** Takes over these listeners; whoever had others closes them. */
  serve(listeners: readonly BoundListener[]): void;
  /** Follows a reloaded configuration. */
  update(): void;
  /** Frees the addresses; what is open lives on. */
  unlisten(): void;
  /** Ends everything that is open. @returns How many. */
  cut(reason: EndReason): number;
}

/**
 * Binds one address for a frontend, unless its socket was inherited.
 *
 * @throws {BindError} with the reason.
 */
export function bindFor(
  { protocol, backlog }: FrontendConfig,
  address: Address,
  {
    inherited,
    isShared,
    binds,
  }: {
    readonly inherited: InheritedListeners;
    /** Does the main process keep the socket, for the worker after this one? */
    readonly isShared: boolean;
    /** May this process bind, or must it wait until it is sent the socket? */
    readonly binds: boolean;
  },
): Promise<BoundListener> {
  const listener = inherited.take(protocol === 'udp' ? 'udp' : 'tcp', address);
  if (listener) return Promise.resolve(listener);
  if (!binds) return Promise.reject(new BindError(address, new Error('it was not sent')));
  return protocol === 'udp'
    ? UdpListener.bind(address, { isShared })
    : Listener.bind(address, backlog);
}

/** What tells bound addresses apart. Port 0 is another address for every mention. */
export function listenerKey(
  frontend: string,
  index: number,
  {
    address,
    protocol,
  }: { readonly address: Address; readonly protocol: FrontendConfig['protocol'] },
): string {
  const text = `${protocol === 'udp' ? 'udp' : 'tcp'} ${formatAddress(address)}`;
  return address.kind === 'inet' && address.port === 0 ? `${frontend}#${index} ${text}` : text;
}

/** Should the frontend refuse connections for want of a server? */
export function wantsToUnlisten({ config, backends }: Frontend): boolean {
  if (config.on_no_backend !== 'unlisten') return false;
  return backends.every((backend) => !backend.usable);
}
