/**
 * What the main process and its workers tell each other.
 *
 * @module
 */
import type { Address } from '@balancer/kit';
import type { CloseOptions, LoadBalancerConfig, ServerOrders, ToldServer } from '@balancer/lb';

/** A listening socket that the main process was given, by the number of its descriptor there. */
export interface InheritedDescriptor {
  readonly fd: number;
  readonly transport: 'tcp' | 'udp';
  readonly address: Address;
}

/** What a worker serves: its share of the configuration, without what only the main process uses. */
export type WorkerConfig = Omit<LoadBalancerConfig, 'stats' | 'passthrough'>;

/** The servers of every backend, by its name. */
export type ToldServers = ReadonlyMap<string, readonly ToldServer[]>;

/** From the main process. `epoch` counts changes of what there is to count. */
export type Order =
  /** Comes with a listening socket, before the `prepare` that needs it or when it is opened again. */
  | { readonly kind: 'socket'; readonly address: Address }
  | {
      readonly kind: 'prepare';
      readonly id: number;
      readonly config: WorkerConfig;
      readonly inherited: readonly InheritedDescriptor[];
      /** False: addresses are the main process's to bind, which sends its sockets. */
      readonly binds: boolean;
      readonly ticketKeys: Uint8Array;
    }
  | { readonly kind: 'abort'; readonly id: number }
  | {
      readonly kind: 'commit';
      readonly id: number;
      readonly epoch: number;
      readonly servers: ToldServers;
    }
  | {
      readonly kind: 'servers';
      readonly epoch: number;
      readonly backend: string;
      readonly servers: readonly ToldServer[];
    }
  | {
      readonly kind: 'server';
      readonly backend: string;
      readonly address: Address;
      readonly orders: ServerOrders;
    }
  | {
      readonly kind: 'close';
      readonly backend: string;
      readonly address: Address;
      readonly options: CloseOptions;
    }
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'reopen_logs' }
  | { readonly kind: 'drain'; readonly id: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'end' };

/** From a worker. An answer carries the `id` of its order. */
export type Answer =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'prepared';
      readonly id: number;
      readonly listening: ReadonlyMap<string, readonly string[]>;
    }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string }
  | { readonly kind: 'reported'; readonly id: number; readonly report: WorkerReport }
  | {
      readonly kind: 'drained';
      readonly id: number;
      readonly cut: number;
      readonly report: WorkerReport;
    };

/** Everything that a worker has counted, as tallies, and how it is. */
export interface WorkerReport {
  readonly epoch: number;
  readonly frontends: ReadonlyMap<string, FrontendReport>;
  readonly backends: ReadonlyMap<string, BackendReport>;
  readonly process: WorkerFacts;
}

export interface FrontendReport {
  readonly tally: Float64Array;
  readonly listening: readonly string[];
}

export interface BackendReport {
  readonly tally: Float64Array;
  /** By address. */
  readonly servers: ReadonlyMap<string, ServerReport>;
}

export interface ServerReport {
  readonly tally: Float64Array;
  /** Milliseconds since 1970; `null` while the server is not ejected. */
  readonly ejectedUntilMs: number | null;
}

export interface WorkerFacts {
  readonly pid: number;
  /** Connections and sessions. */
  readonly open: number;
  /** Open descriptors. */
  readonly fds: number;
  readonly rssBytes: number;
}
