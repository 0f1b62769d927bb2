/**
 * A process that serves alone until a reload asks for more workers. Then it goes on as the first of
 * them, with its connections and counters, and sends the others its listening sockets.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import {
  type Backend,
  type CloseOptions,
  type DataPlane,
  type DesiredConfig,
  type DrainResult,
  type Mode,
  openDescriptors,
  type PreparedChange,
  type Server,
  workerCount,
} from '@balancer/lb';
import { type ListeningSocket, ProxyPlane, type ProxyPlaneOptions } from '../plane.ts';
import type { BoundListener } from '../served-frontend.ts';
import type { WorkerFacts } from './protocol.ts';
import { TICKET_KEYS_BYTES, WorkersPlane, type WorkersPlaneOptions } from './workers-plane.ts';

export interface GrowingPlaneOptions
  extends
    Pick<ProxyPlaneOptions, 'logger' | 'onRecord' | 'wantsRecord' | 'inherited'>,
    Pick<WorkersPlaneOptions, 'spawn' | 'onHopeless'> {}

export class GrowingPlane implements DataPlane {
  readonly modes: ReadonlySet<Mode>;
  private readonly options: GrowingPlaneOptions;
  private readonly ticketKeys = randomBytes(TICKET_KEYS_BYTES);
  private readonly own: ProxyPlane;
  /** Since the first reload that asked for more than one worker. */
  private others: WorkersPlane | undefined;
  /** What this process will listen on, while a change is being prepared. */
  private listeners: ReadonlyMap<string, readonly BoundListener[]> | undefined;

  constructor(options: GrowingPlaneOptions) {
    this.options = options;
    const { logger, onRecord, wantsRecord, inherited } = options;
    this.own = new ProxyPlane({
      logger,
      ticketKeys: this.ticketKeys,
      ...(onRecord && { onRecord }),
      ...(wantsRecord && { wantsRecord }),
      ...(inherited && { inherited }),
      onListeningAgain: () => this.others?.listenersChanged(),
    });
    this.modes = this.own.modes;
  }

  /** Every address that is bound now. */
  get listening(): readonly ListeningSocket[] {
    return this.own.listening;
  }

  /** What the workers last said of themselves; none while this process serves alone. */
  get workerFacts(): readonly WorkerFacts[] {
    return this.others?.workerFacts ?? [];
  }

  /** Workers that were started in place of one that died. */
  get restarts(): number {
    return this.others?.restarts ?? 0;
  }

  async prepare(desired: DesiredConfig): Promise<PreparedChange> {
    const count = workerCount(desired.global.workers);
    const own = await this.own.prepare(desired);
    this.listeners = own.listeners;
    try {
      const others = count > 1 ? this.grown() : this.others;
      const theirs = await others?.prepare(desired);
      return {
        ...(own.listening && { listening: own.listening }),
        commit: (state) => {
          this.listeners = undefined;
          this.own.divide({ index: 0, count });
          own.commit(state);
          theirs?.commit(state);
        },
        abort: () => {
          this.listeners = undefined;
          own.abort();
          theirs?.abort();
        },
      };
    } catch (error) {
      this.listeners = undefined;
      own.abort();
      throw error;
    }
  }

  serverChanged(server: Server): void {
    this.own.serverChanged(server);
    this.others?.serverChanged(server);
  }

  serversChanged(backend: Backend): void {
    this.own.serversChanged(backend);
    this.others?.serversChanged(backend);
  }

  async collect(): Promise<void> {
    await this.others?.collect();
  }

  closeConnections(server: Server, { reason, perSecond }: CloseOptions): number {
    const open = server.counters.current;
    const count = Math.max(1, this.workerFacts.length);
    const rate = (share: number): { perSecond?: number } =>
      perSecond === undefined ? {} : { perSecond: perSecond * share };
    const own = this.own.closeConnections(server, { reason, ...rate(1 / count) });
    this.others?.closeConnections(server, { reason, ...rate(1 - 1 / count) });
    return this.others ? open : own;
  }

  async drain(cut: AbortSignal): Promise<DrainResult> {
    const results = await Promise.all([this.own.drain(cut), this.others?.drain(cut)]);
    return { cut: results.reduce((sum, result) => sum + (result?.cut ?? 0), 0) };
  }

  /** Lets every worker open its log files again. */
  reopenLogs(): void {
    this.others?.reopenLogs();
  }

  private grown(): WorkersPlane {
    const { logger, spawn, onHopeless } = this.options;
    this.others ??= new WorkersPlane({
      logger,
      spawn,
      onHopeless,
      inherited: () => [],
      first: {
        listeners: () => this.listeners ?? this.own.listeners,
        facts: () => ({
          pid: process.pid,
          open: this.own.open,
          fds: openDescriptors(),
          rssBytes: process.memoryUsage.rss(),
        }),
        ticketKeys: this.ticketKeys,
      },
    });
    return this.others;
  }
}
