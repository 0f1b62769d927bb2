/**
 * What the parts of a running gateway share.
 *
 * @module
 */
import type { Logger } from '@balancer/kit';
import type { Notifier } from './callbacks/notifier.ts';
import type { BbbConfig } from './config/keys.ts';
import type { Directory } from './directory.ts';
import type { Placer } from './placement/placer.ts';
import type { RecordingLibrary } from './recordings/library.ts';
import type { Board } from './store/board.ts';
import type { Store } from './store/store.ts';
import type { UpstreamClient } from './upstream/client.ts';

export interface GatewayContext {
  /** As it is now: a reload changes it. */
  readonly config: () => BbbConfig;
  readonly store: Store;
  readonly board: Board;
  readonly directory: Directory;
  readonly placer: Placer;
  readonly upstream: UpstreamClient;
  readonly recordings: RecordingLibrary;
  readonly notifier: Notifier;
  /** What cookies, tokens and addresses of the gateway's own are signed with. */
  readonly keyBase: () => string;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Asks for a poll of a server before its turn. */
  readonly pollSoon: (serverId: string, why: 'unreachable' | 'ordered') => void;
  /** Counts an event for the metrics. */
  readonly count: (event: GatewayEvent) => void;
}

/** What the metrics count beside requests and polls. */
export type GatewayEvent =
  | { readonly kind: 'placed'; readonly serverId: string }
  | { readonly kind: 'placement-failed'; readonly reason: string }
  | { readonly kind: 'imported'; readonly result: string };
