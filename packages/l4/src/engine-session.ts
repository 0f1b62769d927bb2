/**
 * The engine from the first file that asks for it until the last process lets go: opened once, then only
 * called, because where the plane is and how large its maps are cannot change under flows.
 *
 * @module
 */
import type { EngineOptions, OpenReport } from './engine.ts';
import { EngineThread, type EngineThreadOptions, type Operations } from './engine-thread.ts';
import { PlaneError } from './errors.ts';

interface Open {
  readonly thread: EngineThread;
  readonly options: EngineOptions;
  readonly report: OpenReport;
}

export class EngineSession {
  readonly #hearers: EngineThreadOptions;
  #open: Open | undefined;

  /** @param hearers - Hear what the engine says by itself. */
  constructor(hearers: EngineThreadOptions) {
    this.#hearers = hearers;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** What was found when it was opened. */
  get report(): OpenReport | undefined {
    return this.#open?.report;
  }

  /**
   * Opens the engine; does nothing when it is open.
   *
   * @throws {PlaneError} when it is open with other options, or cannot be opened.
   */
  async open(options: EngineOptions): Promise<void> {
    if (this.#open) {
      refuseMove(this.#open.options, options);
      return;
    }
    await this.#start(options);
  }

  /**
   * Calls a method of the engine.
   *
   * @throws {PlaneError} when it is not open, or with the engine's message.
   */
  async call<M extends keyof Operations>(
    method: M,
    ...args: Parameters<Operations[M]>
  ): Promise<ReturnType<Operations[M]>> {
    if (!this.#open) throw new PlaneError('the packet plane is not running: the file has no [l4]');
    return this.#open.thread.call(method, ...args);
  }

  /** Lets go of the plane, which forwards on, or takes it off the interfaces. */
  async end(how: 'close' | 'detach'): Promise<void> {
    const thread = this.#open?.thread;
    this.#open = undefined;
    if (!thread) return;
    try {
      await thread.call(how);
    } finally {
      await thread.terminate();
    }
  }

  async #start(options: EngineOptions): Promise<void> {
    const thread = new EngineThread(this.#hearers);
    try {
      this.#open = { thread, options, report: await thread.call('open', options) };
    } catch (error) {
      await thread.terminate();
      throw error;
    }
  }
}

/** Where the plane is and how large its maps are cannot change under flows. */
function refuseMove(now: EngineOptions, next: EngineOptions): void {
  const moved = (['pinPath', 'hook', 'interfaces', 'sizes'] as const).find(
    (key) => JSON.stringify(now[key]) !== JSON.stringify(next[key]),
  );
  if (moved === undefined) return;
  const keys = {
    pinPath: 'l4.pin_path',
    hook: 'l4.hook',
    interfaces: 'l4.interfaces',
    sizes: 'l4.limits or l4.conntrack',
  };
  throw new PlaneError(
    `${keys[moved]} cannot change while the plane runs; restart the process (packets are forwarded meanwhile)`,
  );
}
