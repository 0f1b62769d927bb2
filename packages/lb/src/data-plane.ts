/**
 * What the core asks of the part that moves packets. The user-space proxy and the packet plane
 * implement it; the core knows neither.
 *
 * A change is made in two steps so that it can be refused as a whole. `prepare` takes everything
 * that can fail (binding an address, reading a certificate, loading a program) and changes nothing
 * that clients notice. `commit` cannot fail, and leaves alone whatever did not change.
 *
 * @module
 */
import type { EndReason } from './counters.ts';
import type {
  BackendConfig,
  FrontendConfig,
  GlobalConfig,
  L4Config,
  Mode,
} from './config/types.ts';
import type { Backend } from './backend.ts';
import type { Frontend } from './frontend.ts';
import type { Server } from './server.ts';

/** Everything that one data plane is to serve. */
export interface DesiredState {
  readonly global: GlobalConfig;
  readonly frontends: ReadonlyMap<string, Frontend>;
  readonly backends: ReadonlyMap<string, Backend>;
}

/** The configuration that a data plane is to serve, before it is in force. */
export interface DesiredConfig {
  readonly global: GlobalConfig;
  /** Those whose modes are the plane's, by name. */
  readonly frontends: ReadonlyMap<string, FrontendConfig>;
  readonly backends: ReadonlyMap<string, BackendConfig>;
  /** Settings of the packet plane, when the file has them. */
  readonly l4?: L4Config | undefined;
}

/** A change that is ready to take effect. */
export interface PreparedChange {
  /** Addresses that each frontend will be bound to, with the ports that the system chose. */
  readonly listening?: ReadonlyMap<string, readonly string[]>;
  /** Makes the state so. Does not throw; leaves alone what did not change. */
  commit(desired: DesiredState): void;
  /** Gives back what `prepare` took. */
  abort(): void;
}

/** How a stop went. */
export interface DrainResult {
  /** Connections that were cut because they outlived the deadline. */
  readonly cut: number;
}

/** Cuts the established connections of one server. */
export interface CloseOptions {
  readonly reason: Extract<EndReason, 'admin' | 'marked_down' | 'drain'>;
  /** Connections per second; without it all go at once. */
  readonly perSecond?: number;
}

export interface DataPlane {
  /** Modes of frontends that this plane serves. */
  readonly modes: ReadonlySet<Mode>;

  /**
   * Takes what the frontends need.
   *
   * @throws {BindError} An address cannot be bound; nothing has changed.
   */
  prepare(desired: DesiredConfig): Promise<PreparedChange>;

  /** A server went up, down, into drain or changed its weight. */
  serverChanged(server: Server): void;

  /** Servers of a backend came or went, without a change of configuration. */
  serversChanged(backend: Backend): void;

  /** Brings the counters of frontends and servers up to date. */
  collect(): Promise<void>;

  /** @returns Connections that were or will be closed. */
  closeConnections(server: Server, options: CloseOptions): number;

  /** Stops accepting, waits for connections to end, and cuts those left when `cut` aborts. */
  drain(cut: AbortSignal): Promise<DrainResult>;
}

/** One connection from its first byte to its last, for the access log. */
export interface ConnectionRecord {
  readonly id: string;
  readonly frontend: string;
  readonly backend: string;
  /** Address of the server; empty when none was reached. */
  readonly server: string;
  /** `ip:port` of the client. */
  readonly client: string;
  readonly sni: string;
  /** Protocol version and cipher of a terminated connection. */
  readonly tls: string;
  /** Client address that a PROXY header announced. */
  readonly proxy_src: string;
  readonly connect_ms: number;
  readonly duration_ms: number;
  readonly bytes_tx: number;
  readonly bytes_rx: number;
  readonly attempts: number;
  readonly queue_ms: number;
  readonly end: EndReason;
}
