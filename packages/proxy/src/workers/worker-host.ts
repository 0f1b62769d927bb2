/**
 * A worker: serves its share of the frontends as the main process says, and tells what it counted.
 *
 * @module
 */
import type { Server as NetServer } from 'node:net';
import {
  type ConnectionRecord,
  type GlobalConfig,
  LoadBalancer,
  openDescriptors,
  type PreparedConfig,
  type Server,
  tallyOf,
  ToldSupervision,
} from '@balancer/lb';
import { type Logger, messageOf, silentLogger } from '@balancer/kit';
import { InheritedListeners, socketKey } from '../inherited.ts';
import { ProxyPlane } from '../plane.ts';
import type {
  Answer,
  BackendReport,
  FrontendReport,
  InheritedDescriptor,
  Order,
  ServerReport,
  ToldServers,
  WorkerConfig,
  WorkerReport,
} from './protocol.ts';

export interface WorkerHostOptions {
  /** Sends to the main process. */
  readonly answer: (answer: Answer) => void;
  readonly logger: Logger;
  readonly onRecord?: (record: ConnectionRecord) => void;
  readonly wantsRecord?: () => boolean;
  /** The global settings that are in force from now on. */
  readonly onGlobal: (global: GlobalConfig) => void;
  readonly onReopenLogs: () => void;
  /** The worker's work is over. */
  readonly onEnd: () => void;
}

type OrderOf<K extends Order['kind']> = Extract<Order, { kind: K }>;

interface Prepared {
  readonly id: number;
  readonly config: WorkerConfig;
  readonly change: PreparedConfig;
}

export class WorkerHost {
  private readonly options: WorkerHostOptions;
  private readonly inherited = new InheritedListeners();
  private readonly cut = new AbortController();
  private supervision!: ToldSupervision;
  private plane: ProxyPlane | undefined;
  private loadBalancer: LoadBalancer | undefined;
  private prepared: Prepared | undefined;
  private servers: ToldServers = new Map();
  private epoch = 0;
  /** The last socket that was sent is taken in. They come one after the other. */
  private sharing: Promise<void> | undefined;

  constructor(options: WorkerHostOptions) {
    this.options = options;
  }

  /** Tells the main process that orders may come. */
  start(): void {
    this.options.answer({ kind: 'started' });
  }

  /** Follows one order. Orders are to be handed in as they come. */
  async obey(order: Order, socket?: NetServer): Promise<void> {
    switch (order.kind) {
      case 'socket':
        this.sharing = this.inherited.share(order.address, socket!);
        return this.sharing;
      case 'prepare':
        return this.prepare(order);
      case 'abort':
        return this.abort(order.id);
      case 'commit':
        return this.commit(order);
      case 'servers':
        return this.setServers(order);
      case 'server':
        return this.serverAt(order)?.follow(order.orders);
      case 'close':
        return this.close(order);
      case 'report':
        return this.options.answer({ kind: 'reported', id: order.id, report: this.report() });
      case 'reopen_logs':
        return this.options.onReopenLogs();
      case 'drain':
        return this.drain(order.id);
      case 'cut':
        return this.cut.abort();
      case 'end':
        return this.end();
    }
  }

  private async prepare(order: OrderOf<'prepare'>): Promise<void> {
    const { answer } = this.options;
    const { id, config } = order;
    try {
      const loadBalancer = this.startOnce(order);
      await this.sharing;
      await this.inherit(order.inherited, config);
      const change = await loadBalancer.prepare(config);
      this.prepared = { id, config, change };
      answer({ kind: 'prepared', id, listening: change.listening });
    } catch (error) {
      answer({ kind: 'refused', id, reason: messageOf(error) });
    }
  }

  /** A load balancer that serves nothing yet. */
  private startOnce({ config, ticketKeys, binds }: OrderOf<'prepare'>): LoadBalancer {
    if (this.loadBalancer) return this.loadBalancer;
    const { logger, onRecord, wantsRecord } = this.options;
    this.plane = new ProxyPlane({
      logger,
      inherited: this.inherited,
      ticketKeys: Buffer.from(ticketKeys),
      worker: { binds },
      ...(onRecord && { onRecord }),
      ...(wantsRecord && { wantsRecord }),
    });
    this.loadBalancer = new LoadBalancer({
      config: { global: config.global, frontends: {}, backends: {} },
      planes: [this.plane],
      // What happens to servers is the main process's to tell.
      logger: silentLogger,
      supervision: (setServers) => (this.supervision = new ToldSupervision(setServers)),
    });
    return this.loadBalancer;
  }

  /** Takes the sockets that this worker's own frontends are to be served on. */
  private async inherit(
    sockets: readonly InheritedDescriptor[],
    { frontends }: WorkerConfig,
  ): Promise<void> {
    const bound = new Set(
      this.plane!.listening.map(({ transport, address }) => socketKey(transport, address)),
    );
    const wanted = new Set(
      Object.values(frontends).flatMap(({ protocol, listen_addr }) =>
        listen_addr.map((address) => socketKey(protocol === 'udp' ? 'udp' : 'tcp', address)),
      ),
    );
    for (const { fd, transport, address } of sockets) {
      const key = socketKey(transport, address);
      if (!wanted.has(key) || bound.has(key)) continue;
      // oxlint-disable-next-line no-await-in-loop -- a handful
      await this.inherited.add(transport, address, fd);
    }
  }

  private abort(id: number): void {
    if (this.prepared?.id !== id) return;
    this.prepared.change.abort();
    this.prepared = undefined;
    this.inherited.closeRest();
  }

  private commit({ id, epoch, servers }: OrderOf<'commit'>): void {
    if (this.prepared?.id !== id) return;
    const { config, change } = this.prepared;
    this.prepared = undefined;
    this.epoch = epoch;
    this.servers = servers;
    this.supervision.tell(servers);
    this.options.onGlobal(config.global);
    change.commit();
  }

  private setServers({ epoch, backend: name, servers }: OrderOf<'servers'>): void {
    this.epoch = epoch;
    this.servers = new Map([...this.servers, [name, servers]]);
    this.supervision.tell(this.servers);
    const backend = this.loadBalancer?.backends.get(name);
    if (backend) this.loadBalancer!.followServers(backend);
  }

  private serverAt({ backend, address }: OrderOf<'server'> | OrderOf<'close'>): Server | undefined {
    return this.loadBalancer?.backends.get(backend)?.serverAt(address);
  }

  private close(order: OrderOf<'close'>): void {
    const server = this.serverAt(order);
    if (server) this.plane!.closeConnections(server, order.options);
  }

  private async drain(id: number): Promise<void> {
    const { cut = 0 } = (await this.loadBalancer?.drain(this.cut.signal)) ?? {};
    this.options.answer({ kind: 'drained', id, cut, report: this.report() });
  }

  private async end(): Promise<void> {
    await this.loadBalancer?.stop();
    this.options.onEnd();
  }

  private report(): WorkerReport {
    const { frontends = new Map(), backends = new Map() } = this.loadBalancer ?? {};
    return {
      epoch: this.epoch,
      frontends: new Map<string, FrontendReport>(
        [...frontends.values()].map(({ name, counters, listening }) => [
          name,
          { tally: tallyOf(counters), listening },
        ]),
      ),
      backends: new Map<string, BackendReport>(
        [...backends.values()].map(({ name, counters, servers }) => [
          name,
          { tally: tallyOf(counters), servers: new Map(servers.map(reportOf)) },
        ]),
      ),
      process: {
        pid: process.pid,
        open: this.plane?.open ?? 0,
        fds: openDescriptors(),
        rssBytes: process.memoryUsage.rss(),
      },
    };
  }
}

function reportOf({ address, counters, ejectedUntil }: Server): [string, ServerReport] {
  const ejectedUntilMs = ejectedUntil?.getTime() ?? null;
  return [address, { tally: tallyOf(counters), ejectedUntilMs }];
}
