/**
 * The user-space data plane on several processes: this one knows the configuration, checks the
 * servers and answers the operator; workers accept and relay.
 *
 * All workers accept on the same listening sockets, which this process keeps. A worker that dies
 * takes its connections with it and nothing else: clients in the queue of a socket are accepted by
 * the others, and a new worker takes its place.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BalancerError, type Logger, parseAddress } from '@balancer/kit';
import {
  type Backend,
  type CloseOptions,
  type DataPlane,
  type DesiredConfig,
  type DesiredState,
  type DrainResult,
  type Mode,
  type PreparedChange,
  type Server,
  workerCount,
} from '@balancer/lb';
import { Listener } from '../listener.ts';
import type { ListeningSocket } from '../plane.ts';
import type { BoundListener } from '../served-frontend.ts';
import type { Answer, InheritedDescriptor, Order, WorkerConfig, WorkerFacts } from './protocol.ts';
import { RespawnPolicy } from './respawn.ts';
import { shareOfConfig, type WorkerPlace } from './share.ts';
import { configOf, configOfState, listeningOf, socketsFor, toldServers } from './told.ts';
import { followEjections } from './totals.ts';
import { type Asked, WorkerLink, type WorkerProcess } from './worker-link.ts';

/** What the runtime takes as keys of TLS session tickets. */
export const TICKET_KEYS_BYTES = 48;

/** How often the workers are asked what they counted; a worker's death loses no more. */
const REPORT_EVERY_MS = 1000;

/** Longest wait for an answer; a worker that takes longer hangs. */
const ANSWER_MAX_MS = 30_000;

/** Longest time that a reader of the statistics waits for a worker. */
const COLLECT_MAX_MS = 2000;

/** Longest wait for a new process to be there. */
const START_MAX_MS = 60_000;

/** The workers cannot serve a configuration, or none can be kept alive. */
export class WorkersError extends BalancerError {
  override readonly name = 'WorkersError';
  readonly code = 'WORKERS';
}

export interface WorkersPlaneOptions {
  readonly logger: Logger;
  readonly spawn: () => WorkerProcess;
  /** Listening sockets of this process that workers may take; asked whenever one is started. */
  readonly inherited: () => readonly InheritedDescriptor[];
  /** Workers die as soon as they are started: there is nothing to run for. */
  readonly onHopeless: (error: WorkersError) => void;
  /** How the wait before a worker is replaced passes; default: by the clock. */
  readonly wait?: (action: () => void, delayMs: number) => void;
  /** The main process itself, where it is the first of the workers. */
  readonly first?: FirstWorker;
}

/**
 * A main process that served alone before there were other workers. It goes on serving, binds every
 * address, and sends its listening sockets to the others; UDP frontends are all its own.
 */
export interface FirstWorker {
  /** Of every frontend: as they are, or as they will be with the change that is being prepared. */
  readonly listeners: () => ReadonlyMap<string, readonly BoundListener[]>;
  readonly facts: () => WorkerFacts;
  readonly ticketKeys: Buffer;
}

interface Prepared {
  readonly place: WorkerPlace;
  readonly id: number;
  /** Listeners that the worker has with this change; none when it binds for itself. */
  readonly listeners: ReadonlySet<Listener>;
}

export class WorkersPlane implements DataPlane {
  readonly modes: ReadonlySet<Mode> = new Set<Mode>(['proxy']);
  /** Workers that were started in place of one that died. */
  restarts = 0;
  private readonly options: WorkersPlaneOptions;
  private readonly ticketKeys: Buffer;
  private readonly respawn = new RespawnPolicy();
  /** By their index; a hole while a worker is being replaced. */
  private readonly workers: (WorkerLink | undefined)[] = [];
  /** Workers that a smaller number of them made redundant, until their connections have ended. */
  private readonly leaving = new Set<WorkerLink>();
  /** New workers on their way to serve what all others serve. */
  private readonly catchingUp = new Set<WorkerLink>();
  private readonly facts = new Map<WorkerLink, WorkerFacts>();
  private desired: DesiredState | undefined;
  private epoch = 0;
  private count = 0;
  private reporting: NodeJS.Timeout | undefined;
  private draining: Promise<DrainResult> | undefined;

  constructor(options: WorkersPlaneOptions) {
    this.options = options;
    this.ticketKeys = options.first?.ticketKeys ?? randomBytes(TICKET_KEYS_BYTES);
  }

  /** What the living workers last said of themselves. */
  get workerFacts(): readonly WorkerFacts[] {
    const { first } = this.options;
    const others = [...this.facts.values()];
    return first && others.length > 0 ? [first.facts(), ...others] : others;
  }

  /** Every address that is bound now. */
  get listening(): readonly ListeningSocket[] {
    return [...(this.desired?.frontends.values() ?? [])].flatMap(({ config, listening }) =>
      listening.flatMap((text) => {
        const parsed = parseAddress(text);
        const transport = config.protocol === 'udp' ? ('udp' as const) : ('tcp' as const);
        return parsed.ok ? [{ transport, address: parsed.address }] : [];
      }),
    );
  }

  async prepare(desired: DesiredConfig): Promise<PreparedChange> {
    const count = workerCount(desired.global.workers);
    // Beside a main process that serves already, new ones join when the change has taken effect.
    const fresh = this.options.first ? [] : this.startMissing(count);
    const prepared = new Map<WorkerLink, Prepared>();
    const places = this.alive.filter(
      ([worker, index]) => this.isWanted(index, count) && !this.catchingUp.has(worker),
    );
    const answers = await Promise.all(
      places.map(async ([worker, index]) => {
        if (!(await this.isStarted(worker))) return undefined;
        const asked = this.askToPrepare(worker, configOf(desired), this.placeOf(index, count));
        prepared.set(worker, asked);
        return this.inTime(worker, asked.answer);
      }),
    );
    const undo = (): void => {
      for (const [worker, { id }] of prepared) worker.send({ kind: 'abort', id });
      for (const worker of fresh) this.dismiss(worker);
    };
    const refusal = answers.find((answer) => answer?.kind === 'refused');
    const isNobodyLeft = !this.options.first && answers.every((answer) => answer === undefined);
    if (refusal || isNobodyLeft) {
      undo();
      throw new WorkersError(refusal?.reason ?? 'no worker is ready; the log says why');
    }
    return {
      commit: (state) => this.commit(state, { count, prepared, listening: listeningOf(answers) }),
      abort: undo,
    };
  }

  serverChanged(server: Server): void {
    const { backendName: backend, endpoint: address, orders } = server;
    this.tellAll({ kind: 'server', backend, address, orders });
  }

  serversChanged(backend: Backend): void {
    if (this.desired?.backends.get(backend.name) !== backend) return;
    this.epoch++;
    for (const [worker, index] of this.alive) {
      const servers = toldServers(backend, this.placeOf(index, this.count));
      worker.send({ kind: 'servers', epoch: this.epoch, backend: backend.name, servers });
    }
  }

  async collect(): Promise<void> {
    const all = [...this.alive.map(([worker]) => worker), ...this.leaving];
    const reports = all.map(async (worker) => {
      this.take(worker, await this.inTime(worker, worker.ask({ kind: 'report' }).answer));
    });
    const patience = new AbortController();
    await Promise.race([
      Promise.all(reports),
      delay(COLLECT_MAX_MS, undefined, { signal: patience.signal }).catch(() => {}),
    ]);
    patience.abort();
    if (this.desired) {
      followEjections(
        this.desired.backends.values(),
        all.map(({ totals }) => totals),
      );
    }
  }

  /** @returns Connections that were open when the workers last reported. */
  closeConnections(server: Server, { reason, perSecond }: CloseOptions): number {
    const all = this.alive.length + this.leaving.size;
    const options = { reason, ...(perSecond !== undefined && { perSecond: perSecond / all }) };
    const { backendName: backend, endpoint: address } = server;
    this.tellAll({ kind: 'close', backend, address, options });
    return server.counters.current;
  }

  /** Lets every worker open its log files again. */
  reopenLogs(): void {
    this.tellAll({ kind: 'reopen_logs' });
  }

  /** A second call cuts when its signal is aborted, and waits for the same end. */
  drain(cut: AbortSignal): Promise<DrainResult> {
    this.draining ??= this.drainAll();
    const tellCut = (): void => this.tellAll({ kind: 'cut' });
    if (cut.aborted) tellCut();
    else cut.addEventListener('abort', tellCut, { once: true });
    return this.draining;
  }

  private async drainAll(): Promise<DrainResult> {
    const all = [...this.alive.map(([worker]) => worker), ...this.leaving];
    const cuts = await Promise.all(
      all.map(async (worker) => {
        const answer = await worker.ask({ kind: 'drain' }).answer;
        this.take(worker, answer);
        this.dismiss(worker);
        return answer?.kind === 'drained' ? answer.cut : 0;
      }),
    );
    clearInterval(this.reporting);
    return { cut: cuts.reduce((sum, count) => sum + count, 0) };
  }

  private commit(
    desired: DesiredState,
    change: {
      readonly count: number;
      readonly prepared: ReadonlyMap<WorkerLink, Prepared>;
      readonly listening: ReadonlyMap<string, readonly string[]>;
    },
  ): void {
    this.desired = desired;
    this.count = change.count;
    this.epoch++;
    if (this.options.first) {
      this.startMissing(change.count);
    } else {
      for (const [name, frontend] of desired.frontends) {
        frontend.listening = change.listening.get(name) ?? [];
      }
    }
    for (const [worker, index] of this.alive) {
      const prepared = change.prepared.get(worker);
      if (!this.isWanted(index, change.count)) void this.retire(worker, index);
      else if (prepared) this.sendCommit(worker, prepared);
      else void this.catchUp(worker, index);
    }
    this.reporting ??= setInterval(() => void this.collect(), REPORT_EVERY_MS).unref();
  }

  /** The main process has other listening sockets than the workers were sent. */
  listenersChanged(): void {
    this.epoch++;
    for (const [worker, index] of this.alive) void this.catchUp(worker, index);
  }

  private sendCommit(worker: WorkerLink, { id, place, listeners }: Prepared): void {
    worker.listeners = listeners;
    const { backends } = this.desired!;
    const servers = new Map(
      [...backends.values()].map((backend) => [backend.name, toldServers(backend, place)]),
    );
    worker.send({ kind: 'commit', id, epoch: this.epoch, servers });
  }

  /** Gives a new worker what all others serve already, however often that changes meanwhile. */
  private async catchUp(worker: WorkerLink, index: number): Promise<void> {
    if (this.catchingUp.has(worker)) return;
    this.catchingUp.add(worker);
    let isDone = !(await this.isStarted(worker));
    // oxlint-disable-next-line no-await-in-loop -- each try is for the configuration after the last
    while (!isDone) isDone = await this.tryToCatchUp(worker, index);
    this.catchingUp.delete(worker);
  }

  /** @returns False when the configuration changed meanwhile. */
  private async tryToCatchUp(worker: WorkerLink, index: number): Promise<boolean> {
    const { epoch, count } = this;
    const place = this.placeOf(index, count);
    const asked = this.askToPrepare(worker, configOfState(this.desired!), place);
    const answered = await this.inTime(worker, asked.answer);
    // It was told to let its connections end, which is all that it does now.
    if (this.draining || this.leaving.has(worker)) {
      worker.send({ kind: 'abort', id: asked.id });
      return true;
    }
    if (answered?.kind === 'refused') {
      this.options.logger.error('a new worker cannot serve', { reason: answered.reason });
      worker.process.kill();
      return true;
    }
    if (answered?.kind !== 'prepared') return true;
    if (this.epoch !== epoch) {
      worker.send({ kind: 'abort', id: asked.id });
      return false;
    }
    this.sendCommit(worker, asked);
    return true;
  }

  /** Sends a worker its share of a configuration, after the sockets that it does not have yet. */
  private askToPrepare(
    worker: WorkerLink,
    config: WorkerConfig,
    place: WorkerPlace,
  ): Prepared & Asked {
    const { first, inherited } = this.options;
    const given = first && socketsFor(config, first.listeners());
    for (const listener of given?.listeners ?? []) {
      if (worker.listeners.has(listener)) continue;
      worker.send({ kind: 'socket', address: listener.bound }, listener.socket);
    }
    const asked = worker.ask({
      kind: 'prepare',
      config: shareOfConfig(given?.config ?? config, place),
      inherited: inherited(),
      binds: first === undefined,
      ticketKeys: this.ticketKeys,
    });
    return { ...asked, place, listeners: given?.listeners ?? new Set() };
  }

  /** Which of all workers a process is. */
  private placeOf(index: number, count: number): WorkerPlace {
    return { index: index + this.mainCount, count };
  }

  private isWanted(index: number, count: number): boolean {
    return index + this.mainCount < count;
  }

  /** Workers that are no processes of their own. */
  private get mainCount(): number {
    return this.options.first ? 1 : 0;
  }

  /** @returns The workers that were started. */
  private startMissing(count: number): readonly WorkerLink[] {
    const fresh: WorkerLink[] = [];
    while (this.isWanted(this.workers.length, count)) fresh.push(this.start(this.workers.length));
    return fresh;
  }

  private start(index: number): WorkerLink {
    const worker = new WorkerLink(this.options.spawn());
    this.workers[index] = worker;
    void worker.ended.then((how) => this.onEnded(worker, index, how));
    return worker;
  }

  private async isStarted(worker: WorkerLink): Promise<boolean> {
    const patience = setTimeout(() => worker.process.kill(), START_MAX_MS);
    const isStarted = await worker.started;
    clearTimeout(patience);
    return isStarted;
  }

  /** Waits for an answer; a worker that does not give it is ended, and so replaced. */
  private async inTime(
    worker: WorkerLink,
    answer: Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    const patience = setTimeout(() => {
      this.options.logger.error('a worker hangs and is replaced', { pid: worker.process.pid });
      worker.process.kill();
    }, ANSWER_MAX_MS);
    const answered = await answer;
    clearTimeout(patience);
    return answered;
  }

  private take(worker: WorkerLink, answer: Answer | undefined): void {
    if (answer?.kind !== 'reported' && answer?.kind !== 'drained') return;
    const { report } = answer;
    this.facts.set(worker, report.process);
    // A report from before the last change may speak of other servers under the same names.
    if (!this.desired || report.epoch !== this.epoch) return;
    worker.totals.add(report, this.desired);
    if (this.options.first) return;
    for (const [name, { listening }] of report.frontends) {
      const frontend = this.desired.frontends.get(name);
      if (frontend) frontend.listening = listening;
    }
  }

  private onEnded(worker: WorkerLink, index: number, how: string): void {
    worker.totals.end();
    this.facts.delete(worker);
    if (this.leaving.delete(worker) || this.workers[index] !== worker) return;
    this.workers[index] = undefined;
    if (this.draining) return;
    const { logger, onHopeless } = this.options;
    const nowMs = performance.now();
    const delayMs = this.respawn.ended(nowMs, nowMs - worker.startedAtMs);
    if (delayMs === undefined) {
      onHopeless(new WorkersError(`workers end as soon as they are started; the last with ${how}`));
      return;
    }
    logger.error('a worker ended; its connections are lost', {
      pid: worker.process.pid,
      how,
      replaced_in_ms: delayMs,
    });
    const { wait = setTimeout } = this.options;
    wait(() => this.replace(index), delayMs);
  }

  private replace(index: number): void {
    if (this.draining || this.workers[index] || index >= this.workers.length) return;
    this.restarts++;
    const worker = this.start(index);
    if (this.desired) void this.catchUp(worker, index);
  }

  /** Lets a worker that is one too many finish its connections, as a removed frontend would. */
  private async retire(worker: WorkerLink, index: number): Promise<void> {
    this.leaving.add(worker);
    this.workers.length = Math.min(this.workers.length, index);
    const { drain_timeout } = this.desired!.global;
    const cut =
      drain_timeout > 0 ? setTimeout(() => worker.send({ kind: 'cut' }), drain_timeout) : undefined;
    this.take(worker, await worker.ask({ kind: 'drain' }).answer);
    clearTimeout(cut);
    this.dismiss(worker);
  }

  /** Ends a worker that has nothing left to do. */
  private dismiss(worker: WorkerLink): void {
    const index = this.workers.indexOf(worker);
    if (index >= 0) this.leaving.add(worker);
    if (index >= 0 && index === this.workers.length - 1) this.workers.length = index;
    else if (index >= 0) this.workers[index] = undefined;
    worker.send({ kind: 'end' });
    const patience = setTimeout(() => worker.process.kill(), ANSWER_MAX_MS);
    void worker.ended.then(() => clearTimeout(patience));
  }

  private get alive(): readonly (readonly [WorkerLink, number])[] {
    return this.workers.flatMap((worker, index) =>
      worker?.alive ? [[worker, index] as const] : [],
    );
  }

  private tellAll(order: Order): void {
    for (const [worker] of this.alive) worker.send(order);
    for (const worker of this.leaving) worker.send(order);
  }
}
