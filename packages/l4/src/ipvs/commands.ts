/**
 * LVS's commands as data: what the command line sends to the running plane.
 *
 * @module
 */

import type { Protocol, SchedulerName } from '../desired.ts';
import type { Match } from '../match.ts';
import type { DestCheck } from '../passive-health.ts';
import type { TunnelSpec } from '../tunnel.ts';

export interface IpvsServiceKey {
  readonly protocol: Protocol;
  readonly address: string;
  /** 0 is any port. */
  readonly port: number;
  /** Of services that are found by a rule; the address is that of any host then, for the family. */
  readonly match?: Match | undefined;
}

/** Flags of schedulers by key. `flag-1` is the scheduler's fallback, `flag-2` its port. */
export const SCHEDULER_FLAGS = [
  'mh-port',
  'mh-fallback',
  'sh-port',
  'sh-fallback',
  'flag-1',
  'flag-2',
] as const;

export type SchedulerFlag = (typeof SCHEDULER_FLAGS)[number];

export interface IpvsServiceOptions {
  readonly scheduler?: SchedulerName | undefined;
  /** 0: not persistent any more. */
  readonly persistenceS?: number | undefined;
  /** Length of the network that counts as one client. */
  readonly maskLength?: number | undefined;
  /** Flags of the scheduler that are set; the others are not. */
  readonly schedulerFlags?: readonly SchedulerFlag[] | undefined;
  readonly onePacket?: boolean | undefined;
  readonly connTimeoutS?: number | undefined;
  readonly expireQuiescent?: boolean | undefined;
  /** The header that tells servers the client's address. */
  readonly proxyProtocol?: 'off' | 'v2' | undefined;
  /** Servers that leave flows unanswered get no new ones for a time; not when it is left out. */
  readonly destCheck?: DestCheck | undefined;
  /** Who speaks first on connections whose SYNs are answered in place of servers. */
  readonly synProxy?: 'off' | 'client-first' | 'server-first' | undefined;
}

export interface IpvsServer {
  readonly address: string;
  /** The service's when it is left out. */
  readonly port?: number | undefined;
}

export interface IpvsServerOptions {
  readonly mode?: 'dr' | 'tunnel' | 'nat' | 'fnat' | 'snat' | undefined;
  /** Of mode `tunnel`; IP in IP when it is left out. */
  readonly tunnel?: TunnelSpec | undefined;
  readonly weight?: number | undefined;
  /** Flows at which the server takes no more, and below which it takes some again. */
  readonly upper?: number | undefined;
  readonly lower?: number | undefined;
}

/** What `--list` shows. */
export const IPVS_VIEWS = [
  'services',
  'stats',
  'rate',
  'thresholds',
  'persistent',
  'connections',
  'connections-local',
  'timeout',
  'daemon',
  'tunnels',
  'local',
  'deny',
  'allow',
] as const;

export type IpvsView = (typeof IPVS_VIEWS)[number];

export interface IpvsListing {
  readonly op: 'list';
  readonly service?: IpvsServiceKey | undefined;
  readonly view: IpvsView;
  /** All digits. */
  readonly exact: boolean;
  readonly sorted: boolean;
  /** Counters of this CPU alone, for view `stats`. */
  readonly cpu?: number | undefined;
  /** Names of hosts and ports instead of numbers, where there are any. */
  readonly named?: boolean | undefined;
  /** Only the connection of these ends. */
  readonly sockpair?:
    | {
        readonly protocol: 'tcp' | 'udp';
        readonly client: string;
        readonly clientPort: number;
        readonly target: string;
        readonly targetPort: number;
      }
    | undefined;
}

/** Commands that change services. */
export type IpvsChange =
  | {
      readonly op: 'add-service' | 'edit-service';
      readonly service: IpvsServiceKey;
      readonly options: IpvsServiceOptions;
    }
  | { readonly op: 'delete-service'; readonly service: IpvsServiceKey }
  | {
      readonly op: 'add-server' | 'edit-server';
      readonly service: IpvsServiceKey;
      readonly server: IpvsServer;
      readonly options: IpvsServerOptions;
    }
  | { readonly op: 'delete-server'; readonly service: IpvsServiceKey; readonly server: IpvsServer }
  | {
      readonly op: 'add-local' | 'delete-local';
      readonly service: IpvsServiceKey;
      readonly addresses: readonly string[];
    }
  | {
      readonly op: 'add-network' | 'delete-network';
      readonly service: IpvsServiceKey;
      readonly list: 'deny' | 'allow';
      /** An address, or a network such as `192.0.2.0/24`. */
      readonly network: string;
    }
  | { readonly op: 'flush' };

export type IpvsCommand =
  | IpvsChange
  | { readonly op: 'zero'; readonly service?: IpvsServiceKey | undefined }
  /** Seconds; 0 keeps a value. */
  | { readonly op: 'timeouts'; readonly tcp: number; readonly tcpfin: number; readonly udp: number }
  | IpvsListing
  | { readonly op: 'save'; readonly compat: boolean; readonly named?: boolean | undefined };

/** What became of a batch. */
export interface IpvsAnswer {
  readonly output: string;
  /** Empty when everything was done; otherwise nothing was. */
  readonly errors: readonly { readonly command: number; readonly message: string }[];
}
