/**
 * Keeps the servers of all backends in step with their sources: names in the file that DNS
 * resolves, and the discovery of each backend.
 *
 * @module
 */
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { afterOwnTime, type Logger } from '@balancer/kit';
import type { Backend, ServerEntry } from '../backend.ts';
import { completeServer } from '../config/defaults.ts';
import type { BackendConfig, DiscoveryConfig, ServerConfig } from '../config/types.ts';
import { type DnsResolver, resolveServers, resolveService, splitName } from './dns.ts';
import { FileSource, httpSource } from './list.ts';
import { PolledSource, type ServerSource } from './source.ts';

/** One source of a backend, and what it last said. */
interface Watched {
  readonly source: ServerSource;
  /** Configuration that the source was made from. */
  readonly spec: string;
  entries: readonly ServerEntry[] | undefined;
}

export interface DiscoverySupervisorOptions {
  readonly logger: Logger;
  /** The servers of a backend may have changed. */
  readonly onChange: (backend: Backend, entries: readonly ServerEntry[]) => void;
  /** Default: the system's name servers. */
  readonly resolver?: DnsResolver;
}

export class DiscoverySupervisor {
  private readonly options: DiscoverySupervisorOptions;
  private readonly resolver: DnsResolver;
  private readonly watched = new Map<Backend, Map<string, Watched>>();
  private onProgress: (() => void) | undefined;

  constructor(options: DiscoverySupervisorOptions) {
    this.options = options;
    this.resolver = options.resolver ?? new Resolver({ timeout: 2000, tries: 2 });
  }

  /** Starts, changes and stops sources so that they fit the backends. */
  follow(backends: Iterable<Backend>): void {
    const wanted = new Set(backends);
    for (const backend of wanted) this.followBackend(backend);
    for (const [backend, sources] of this.watched) {
      if (wanted.has(backend)) continue;
      for (const { source } of sources.values()) source.stop();
      this.watched.delete(backend);
    }
  }

  /** Waits until every source has said something once, or until the time is up. */
  async firstResults(timeoutMs: number): Promise<void> {
    if (this.allKnown) return;
    await new Promise<void>((resolve) => {
      const stopWaiting = afterOwnTime(timeoutMs, resolve);
      this.onProgress = () => {
        if (!this.allKnown) return;
        stopWaiting();
        resolve();
      };
    });
    this.onProgress = undefined;
  }

  stop(): void {
    this.follow([]);
  }

  private get allKnown(): boolean {
    return [...this.watched.values()].every((sources) =>
      [...sources.values()].every(({ entries }) => entries !== undefined),
    );
  }

  private followBackend(backend: Backend): void {
    const sources = this.watched.get(backend) ?? new Map<string, Watched>();
    this.watched.set(backend, sources);
    const wanted = sourcesOf(backend.config);
    for (const [key, { source }] of sources) {
      if (wanted.get(key)?.spec === sources.get(key)!.spec) continue;
      source.stop();
      sources.delete(key);
    }
    for (const [key, { spec, create }] of wanted) {
      if (!sources.has(key)) this.watch(backend, key, { spec, source: create(this.resolver) });
    }
    this.report(backend);
  }

  private watch(
    backend: Backend,
    key: string,
    { spec, source }: { readonly spec: string; readonly source: ServerSource },
  ): void {
    const watched: Watched = { source, spec, entries: undefined };
    this.watched.get(backend)!.set(key, watched);
    source.start(
      (entries) => this.onEntries(backend, watched, entries),
      (reason) => this.onFailure(backend, watched, { key, reason }),
    );
  }

  private onEntries(backend: Backend, watched: Watched, entries: readonly ServerEntry[]): void {
    const isSame = JSON.stringify(watched.entries) === JSON.stringify(entries);
    watched.entries = entries;
    if (!isSame) this.report(backend);
    this.onProgress?.();
  }

  /** What was known stays, unless the configuration says otherwise. */
  private onFailure(
    backend: Backend,
    watched: Watched,
    { key, reason }: { readonly key: string; readonly reason: string },
  ): void {
    this.options.logger.warn('servers not found', { backend: backend.name, source: key, reason });
    const isEmptied = backend.config.discovery?.on_failure === 'empty';
    this.onEntries(backend, watched, isEmptied ? [] : (watched.entries ?? []));
  }

  private report(backend: Backend): void {
    const entries = entriesOf(backend.config, this.watched.get(backend) ?? new Map());
    this.options.onChange(backend, entries);
  }
}

interface WantedSource {
  readonly spec: string;
  readonly create: (resolver: DnsResolver) => ServerSource;
}

/** The sources that a backend asks for: one per server that is a name, one for its discovery. */
function sourcesOf({ servers, discovery }: BackendConfig): Map<string, WantedSource> {
  const wanted = new Map<string, WantedSource>();
  for (const [name, config] of Object.entries(servers)) {
    const { addr } = config;
    if (!isNamed(config) || addr.kind !== 'inet') continue;
    const target = { name, host: addr.host, port: addr.port };
    wanted.set(name, {
      spec: JSON.stringify(config),
      create: (resolver) => new PolledSource(() => resolveServers(target, config, resolver)),
    });
  }
  if (discovery) {
    wanted.set(`discovery ${discovery.type}`, {
      spec: JSON.stringify(discovery),
      create: (resolver) => discoverySource(discovery, resolver),
    });
  }
  return wanted;
}

function discoverySource(
  { type, name, interval }: DiscoveryConfig,
  resolver: DnsResolver,
): ServerSource {
  if (type === 'file') return new FileSource(name);
  if (type === 'http') return httpSource(name, interval);
  const look = type === 'srv' ? resolveService : resolveName;
  return new PolledSource(
    async () => ({ entries: (await look(name, resolver)).entries, againMs: interval }),
    interval,
  );
}

function resolveName(name: string, resolver: DnsResolver): ReturnType<typeof resolveServers> {
  return resolveServers({ name, ...splitName(name) }, completeServer({}), resolver);
}

/** In the order of the file, what was discovered last; an address that comes twice counts once. */
function entriesOf(
  { servers }: BackendConfig,
  sources: ReadonlyMap<string, Watched>,
): readonly ServerEntry[] {
  const own = Object.entries(servers).flatMap(([name, config]) =>
    isNamed(config) ? (sources.get(name)?.entries ?? []) : [{ name, config }],
  );
  const discovered = [...sources]
    .filter(([key]) => key.startsWith('discovery '))
    .flatMap(([, { entries }]) => entries ?? []);
  return [...own, ...discovered];
}

/** Is the server's host a name that has to be resolved? */
function isNamed({ addr }: Pick<ServerConfig, 'addr'>): boolean {
  return addr.kind === 'inet' && isIP(addr.host) === 0;
}
