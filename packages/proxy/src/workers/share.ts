/**
 * How the limits of a configuration are divided among workers.
 *
 * Each worker enforces its own share without asking the others, so no limit is ever exceeded. The
 * kernel hands connections to whichever worker takes them first: a client may be refused while
 * another worker still has room.
 *
 * @module
 */
import {
  DIVIDED_FRONTEND_LIMITS,
  type BackendConfig,
  type FrontendConfig,
  type ServerConfig,
} from '@balancer/lb';
import type { WorkerConfig } from './protocol.ts';

/** Which of how many. */
export interface WorkerPlace {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** The whole numbers that `total` falls into; they differ by 1 at most and add up to it. */
export function shareOfCount(total: number, { index, count }: WorkerPlace): number {
  return Math.floor(total / count) + (index < total % count ? 1 : 0);
}

/**
 * What one worker serves. Every UDP frontend is one worker's, so that the datagrams of a client
 * meet their session; the frontends take turns.
 *
 * Limits above 0 must be at least `place.count`, since a share of 0 would be no limit.
 */
export function shareOfConfig(config: WorkerConfig, place: WorkerPlace): WorkerConfig {
  if (place.count === 1) return config;
  const { global, frontends, backends } = config;
  const udpNames = Object.keys(frontends).filter((name) => frontends[name]!.protocol === 'udp');
  const { max_connections } = global;
  return {
    global: {
      ...global,
      // "auto" follows from the descriptors of the process, which every worker has for itself.
      max_connections: max_connections === 'auto' ? 'auto' : shareOfCount(max_connections, place),
    },
    frontends: mapValues(frontends, (frontend, name) => {
      if (frontend.protocol !== 'udp') return shareOfFrontend(frontend, place);
      return udpNames.indexOf(name) % place.count === place.index ? frontend : undefined;
    }),
    backends: mapValues(backends, (backend) => shareOfBackend(backend, place)),
  };
}

/** A server's share, for servers that are not in the file too. */
export function shareOfServer(server: ServerConfig, place: WorkerPlace): ServerConfig {
  const { max_connections } = server;
  if (max_connections === 0) return server;
  // A list of servers is not checked like the file: better one connection too many than none at all.
  return { ...server, max_connections: Math.max(1, shareOfCount(max_connections, place)) };
}

/** A frontend's share: of its limits, unless it is a UDP frontend, which is one worker's. */
export function shareOfFrontend(frontend: FrontendConfig, place: WorkerPlace): FrontendConfig {
  if (place.count === 1 || frontend.protocol === 'udp') return frontend;
  const shares = DIVIDED_FRONTEND_LIMITS.map((key) => [key, shareOfCount(frontend[key], place)]);
  return { ...frontend, ...Object.fromEntries(shares) } as FrontendConfig;
}

function shareOfBackend(backend: BackendConfig, place: WorkerPlace): BackendConfig {
  return {
    ...backend,
    max_queue: shareOfCount(backend.max_queue, place),
    servers: mapValues(backend.servers, (server) => shareOfServer(server, place)),
  };
}

/** The entries that `map` keeps. */
function mapValues<T>(
  record: Readonly<Record<string, T>>,
  map: (value: T, name: string) => T | undefined,
): Readonly<Record<string, T>> {
  const entries = Object.entries(record).flatMap(([name, value]) => {
    const mapped = map(value, name);
    return mapped === undefined ? [] : [[name, mapped] as const];
  });
  return Object.fromEntries(entries);
}
