/**
 * The engine in a thread of its own, so that nothing that waits for the kernel holds up the process.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ApplyReport, Engine, EngineOptions, OpenReport } from './engine.ts';
import type { DesiredPlane } from './desired.ts';
import type { PlaneDigest } from './digest.ts';
import { PlaneError } from './errors.ts';
import type { DataPlaneEvent } from './events.ts';
import type { FlowFilter, FlowView } from './flows.ts';
import type { GarbageCollection } from './garbage-collection.ts';
import type { Finding } from './finding.ts';
import type { ListHits } from './list-hits.ts';
import type { FlowPlace } from './lookup.ts';
import type { PlaneSnapshot } from './statistics.ts';

/** What the thread does when it is asked; see `Engine`. */
export interface Operations {
  readonly open: (options: EngineOptions) => OpenReport;
  readonly check: (desired: DesiredPlane) => void;
  readonly apply: (desired: DesiredPlane) => ApplyReport;
  /** From now on the engine looks after things once a second. */
  readonly attach: () => void;
  readonly snapshot: (cpu?: number) => PlaneSnapshot;
  readonly collectNow: () => GarbageCollection;
  readonly listHits: () => ListHits;
  readonly flows: (filter: FlowFilter) => FlowView[];
  readonly closeFlows: (filter: FlowFilter) => number;
  readonly lookup: (...args: Parameters<Engine['lookup']>) => FlowPlace;
  readonly digest: () => PlaneDigest;
  readonly inspect: () => Finding[];
  readonly close: () => void;
  readonly detach: () => void;
}

/** A call to the thread. */
export interface Call {
  readonly id: number;
  readonly method: keyof Operations;
  readonly args: readonly unknown[];
}

/** What the thread answers. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };

/** What the thread says by itself. */
export type Notice =
  | { readonly findings: readonly string[] }
  | { readonly failure: string }
  | { readonly events: readonly DataPlaneEvent[] };

export interface EngineThreadOptions {
  /** Something had to be mended. */
  readonly onFinding: (finding: string) => void;
  /** The look once a second failed. */
  readonly onFailure: (reason: string) => void;
  /** The programs reported something. */
  readonly onEvent: (event: DataPlaneEvent) => void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class EngineThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: Error | undefined;

  constructor({ onFinding, onFailure, onEvent }: EngineThreadOptions) {
    this.#worker = startWorker();
    this.#worker.on('message', (message: Answer | Notice) => {
      if ('id' in message) this.#answer(message);
      else if ('findings' in message) message.findings.forEach(onFinding);
      else if ('failure' in message) onFailure(message.failure);
      else message.events.forEach(onEvent);
    });
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new PlaneError('the packet plane was closed')));
  }

  /**
   * Calls a method of the engine.
   *
   * @throws {PlaneError} with the engine's message.
   */
  call<M extends keyof Operations>(
    method: M,
    ...args: Parameters<Operations[M]>
  ): Promise<ReturnType<Operations[M]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      // The thread answers with what the method of this name returns.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#worker.postMessage({ id, method, args } satisfies Call);
    });
  }

  /** Ends the thread. What is attached stays so. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new PlaneError(answer.error.message));
    else waiting?.resolve(answer.result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

/** Sources are run by a loader, which a thread has to install for itself; what is built runs as it is. */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./engine-worker.js', import.meta.url), { trackUnmanagedFds: false });
  const found = createRequire(import.meta.url).resolve('tsx/esm/api');
  const loader = pathToFileURL(found.replace(/\.cjs$/, '.mjs')).href;
  const file = new URL('./engine-worker.ts', import.meta.url).href;
  const script = `import(${JSON.stringify(loader)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(file)});
  });`;
  const execArgv = ['--conditions=balancer-source'];
  return new Worker(script, { eval: true, execArgv, trackUnmanagedFds: false });
}
