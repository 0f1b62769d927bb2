/**
 * What a file may not ask of several workers. Each worker is a process of its own that enforces its
 * share of every limit, so a limit must have a share for each of them; and what a worker remembers
 * of its clients the others do not know.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import type { ConfigReport, KeyPath } from '@balancer/kit';

type Limits<K extends string> = { readonly [key in K]?: number | 'auto' | undefined };

type FrontendLimits = Limits<
  | 'max_connections'
  | 'max_connections_per_ip'
  | 'connection_rate'
  | 'connection_burst'
  | 'connection_rate_per_ip'
> & { readonly protocol?: string | undefined };

interface BackendLimits {
  readonly sticky?: object | undefined;
  readonly servers?: Readonly<Record<string, Limits<'max_connections'>>> | undefined;
}

/** What is divided, in a file or in a complete configuration. */
export interface DividedConfig {
  readonly global?: Limits<'max_connections'> | undefined;
  readonly defaults?: (FrontendLimits & Pick<BackendLimits, 'sticky'>) | undefined;
  readonly frontends?: Readonly<Record<string, FrontendLimits>> | undefined;
  readonly backends?: Readonly<Record<string, BackendLimits>> | undefined;
}

/** Limits of a frontend that every worker enforces in part; 0 is no limit. */
export const DIVIDED_FRONTEND_LIMITS = [
  'max_connections',
  'max_connections_per_ip',
  'connection_rate',
  'connection_burst',
  'connection_rate_per_ip',
] as const;

/** Processes that a file asks for; `auto` is one per CPU. */
export function workerCount(workers: number | 'auto'): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** What `count` workers could not keep; empty for one worker. */
export function workerProblems(
  config: DividedConfig,
  count: number,
): readonly { readonly path: KeyPath; readonly message: string }[] {
  if (count === 1) return [];
  return [...limitsOf(config)]
    .filter(({ limit }) => typeof limit === 'number' && limit > 0 && limit < count)
    .map(({ path, limit }) => ({
      path,
      message: `is divided among ${count} workers: must be 0 or at least ${count}; got ${limit}`,
    }))
    .concat(
      stickyPaths(config).map((path) => ({
        path,
        message: `needs workers = 1: no worker knows the clients of another; balance = "source" keeps clients on their servers with any number of workers`,
      })),
    );
}

/** Reports {@link workerProblems} of a file. */
export function reportWorkers(
  file: DividedConfig & { readonly global?: { workers?: number | 'auto' | undefined } | undefined },
  report: ConfigReport,
): void {
  const count = workerCount(file.global?.workers ?? 1);
  for (const { path, message } of workerProblems(file, count)) report.problem(path, message);
}

interface Limit {
  readonly path: KeyPath;
  readonly limit: number | 'auto' | undefined;
}

function* limitsOf({ global, defaults, frontends, backends }: DividedConfig): Generator<Limit> {
  yield { path: ['global', 'max_connections'], limit: global?.max_connections };
  for (const [name, frontend] of Object.entries(frontends ?? {})) {
    // One worker alone serves a UDP address.
    if ((frontend.protocol ?? defaults?.protocol) === 'udp') continue;
    for (const key of DIVIDED_FRONTEND_LIMITS) {
      yield frontend[key] === undefined
        ? { path: ['defaults', key], limit: defaults?.[key] }
        : { path: ['frontends', name, key], limit: frontend[key] };
    }
  }
  for (const [name, { servers }] of Object.entries(backends ?? {})) {
    for (const [server, { max_connections: limit }] of Object.entries(servers ?? {})) {
      yield { path: ['backends', name, 'servers', server, 'max_connections'], limit };
    }
  }
}

function stickyPaths({ defaults, backends }: DividedConfig): KeyPath[] {
  const own = Object.entries(backends ?? {}).flatMap(([name, { sticky }]) =>
    sticky ? [['backends', name, 'sticky']] : [],
  );
  return defaults?.sticky ? [['defaults', 'sticky'], ...own] : own;
}
