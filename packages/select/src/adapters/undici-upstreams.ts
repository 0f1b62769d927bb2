/**
 * The dispatchers of a balancer's nodes: made at the first request, closed when their node leaves,
 * and remembered while they want no more requests.
 *
 * @module
 */
import type { Balancer } from '../balancer.ts';
import type { NodeLike } from '../node.ts';
import { originOf } from './http.ts';
import type { DispatcherLike } from './undici.ts';

export class Upstreams {
  /** Called when a dispatcher takes requests again after none did. */
  onDrain: (origin: URL) => void = () => undefined;
  /** Code of the error for further requests, once closed. */
  closedWith: 'UND_ERR_CLOSED' | 'UND_ERR_DESTROYED' | undefined;
  readonly #factory: (origin: string) => DispatcherLike;
  readonly #nodes: () => readonly NodeLike[];
  readonly #stopWatching: () => void;
  readonly #current = new Map<string, DispatcherLike>();
  /** Those of removed nodes too, until they are closed. */
  readonly #open = new Set<DispatcherLike>();
  readonly #busy = new Set<string>();
  #isFull = false;

  constructor(balancer: Balancer<NodeLike>, factory: (origin: string) => DispatcherLike) {
    this.#factory = factory;
    this.#nodes = () => balancer.nodes;
    const onRemove = (node: NodeLike): void => this.#leave(node.id);
    balancer.on('remove', onRemove);
    this.#stopWatching = () => void balancer.off('remove', onRemove);
  }

  /**
   * The dispatcher of a node, made now if there is none yet.
   *
   * @throws {ConfigError} When the node's id is not an origin.
   */
  get(nodeId: string): DispatcherLike {
    const known = this.#current.get(nodeId);
    if (known !== undefined) return known;
    const dispatcher = this.#factory(originOf(nodeId));
    this.#current.set(nodeId, dispatcher);
    this.#open.add(dispatcher);
    dispatcher.on('drain', (url) => this.#drained(nodeId, dispatcher, url));
    return dispatcher;
  }

  /** True from a `dispatch` that returned false until the dispatcher's `drain`. */
  isBusy(nodeId: string): boolean {
    return this.#busy.has(nodeId);
  }

  /** Notes that a dispatcher wants no more for now. Returns whether another one still does. */
  becameBusy(nodeId: string): boolean {
    this.#busy.add(nodeId);
    this.#isFull = this.#nodes().every((node) => !node.isHealthy() || this.#busy.has(node.id));
    return !this.#isFull;
  }

  /** Lets requests finish, and takes no more. */
  async close(): Promise<void> {
    this.closedWith ??= 'UND_ERR_CLOSED';
    this.#stopWatching();
    await Promise.all([...this.#open].map((dispatcher) => this.#close(dispatcher)));
  }

  /** Breaks off all requests, with `reason` if there is one. */
  async destroy(reason: Error | null): Promise<void> {
    this.closedWith = 'UND_ERR_DESTROYED';
    this.#stopWatching();
    await Promise.all([...this.#open].map((dispatcher) => dispatcher.destroy(reason)));
  }

  #leave(nodeId: string): void {
    const dispatcher = this.#current.get(nodeId);
    this.#current.delete(nodeId);
    this.#busy.delete(nodeId);
    if (dispatcher === undefined) return;
    // A dispatcher that its owner has destroyed already refuses to close, and that is as well.
    this.#close(dispatcher).catch(() => undefined);
  }

  async #close(dispatcher: DispatcherLike): Promise<void> {
    try {
      await dispatcher.close();
    } finally {
      this.#open.delete(dispatcher);
    }
  }

  #drained(nodeId: string, dispatcher: DispatcherLike, url: URL): void {
    if (this.#current.get(nodeId) !== dispatcher) return;
    this.#busy.delete(nodeId);
    if (!this.#isFull) return;
    this.#isFull = false;
    this.onDrain(url);
  }
}
