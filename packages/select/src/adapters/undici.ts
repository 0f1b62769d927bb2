/**
 * A dispatcher for undici that sends each request to the node its balancer picks, over one
 * dispatcher per node that the caller makes (a `Pool`, say). Node ids are origins.
 *
 * The result extends the `Dispatcher` of the caller's own undici, which is therefore handed in: this
 * module imports none, and versions 6, 7 and 8 all fit.
 *
 * @module
 */
import type { Balancer } from '../balancer.ts';
import { checkChoice, checkNumber, ConfigError } from '../errors.ts';
import type { NodeLike } from '../node.ts';
import type { Key } from '../policy.ts';
import { ClosedError } from './closed-error.ts';
import { FAIL_ON, originOf, type FailOn } from './http.ts';
import { Exchange, type ExchangeSettings, type RequestOptions } from './undici-exchange.ts';
import { rejectRequest, type AnyHandler } from './undici-handlers.ts';
import { Upstreams } from './undici-upstreams.ts';

export { ClosedError } from './closed-error.ts';
export type { FailOn } from './http.ts';

/** What is needed of a dispatcher; those of undici 6, 7 and 8 have it. */
export interface DispatcherLike {
  dispatch(options: never, handler: never): boolean | undefined;
  close(): Promise<void>;
  destroy(error: Error | null): Promise<void>;
  on(event: 'drain', listener: (origin: URL) => void): unknown;
}

/** A class that `D` is an instance of. */
export type DispatcherClass<D extends DispatcherLike> = abstract new (...args: never[]) => D;

export interface UndiciDispatcherOptions<D extends DispatcherLike> {
  /** Makes the dispatcher of one node, such as `(origin) => new Pool(origin)`. */
  factory: (origin: string) => D;
  /** Which answers count as failures of their node. Network errors always do. Default `"5xx"`. */
  failOn?: FailOn;
  /** How many further nodes may be tried when a request fails before its answer, default 0. */
  retries?: number;
  /** What keyed policies map to a node, from the options of a request. */
  key?: (options: RequestOptions) => Key | undefined;
}

/** All that a dispatcher has, without what only a pool or a client has. */
export type BalancedDispatcher<D extends DispatcherLike> = Omit<D, 'stats' | 'pipelining'>;

/**
 * Makes a dispatcher that picks a node for each request.
 *
 * The origin that a request names is replaced. A request is sent again, to another node, only before
 * its answer has begun, only when its body can be replayed (not a stream or an iterable), and only when it
 * is idempotent or no connection was made.
 *
 * A node whose dispatcher wants no more for now is passed over once, if the next pick finds one that
 * does. `dispatch` returns false when all are in that state, and `drain` is emitted when one is not.
 * `close` and `destroy` reach the dispatchers of all nodes; that of a removed node is closed.
 *
 * @param options - With `Dispatcher`, the class of the caller's undici, the result is one of its
 *   instances. Without, the class is taken from what `factory` makes of the first node.
 * @throws {ConfigError} For an option out of range, a node whose id is not an origin, or a pool without
 *   nodes when `Dispatcher` is not given.
 */
export function undiciDispatcher<D extends DispatcherLike, N extends NodeLike>(
  balancer: Balancer<N>,
  options: UndiciDispatcherOptions<NoInfer<D>> & { Dispatcher: DispatcherClass<D> },
): D;
export function undiciDispatcher<D extends DispatcherLike, N extends NodeLike>(
  balancer: Balancer<N>,
  options: UndiciDispatcherOptions<D>,
): BalancedDispatcher<D>;
export function undiciDispatcher<N extends NodeLike>(
  balancer: Balancer<N>,
  options: UndiciDispatcherOptions<DispatcherLike> & { Dispatcher?: unknown },
): unknown {
  const { factory, failOn = '5xx', retries = 0, key } = options;
  if (typeof factory !== 'function') {
    throw new ConfigError(
      'undiciDispatcher.factory',
      'must be a function, such as (origin) => new Pool(origin)',
    );
  }
  checkChoice('undiciDispatcher.failOn', failOn, FAIL_ON);
  checkNumber('undiciDispatcher.retries', retries, { min: 0, integer: true });
  for (const node of balancer.nodes) originOf(node.id);

  const upstreams = new Upstreams(balancer, factory);
  const Base = (options.Dispatcher ?? classOf(upstreams, balancer)) as BaseClass;
  const settings: ExchangeSettings = { failOn, retries, key, upstreams };
  return new (extend(Base, balancer, settings))();
}

/** What the class made here uses of its base class. */
type BaseClass = new () => { emit(event: string, ...args: unknown[]): boolean };

function extend<N extends NodeLike>(
  Base: BaseClass,
  balancer: Balancer<N>,
  settings: ExchangeSettings,
): new () => InstanceType<BaseClass> {
  const { upstreams } = settings;
  return class BalancedDispatcher extends Base {
    constructor() {
      super();
      upstreams.onDrain = (origin) => void this.emit('drain', origin, [this]);
    }

    get closed(): boolean {
      return upstreams.closedWith !== undefined;
    }

    get destroyed(): boolean {
      return upstreams.closedWith === 'UND_ERR_DESTROYED';
    }

    dispatch(options: RequestOptions, handler: AnyHandler): boolean {
      if (typeof handler !== 'object' || handler === null) {
        throw new TypeError('handler must be an object');
      }
      if (upstreams.closedWith !== undefined) {
        rejectRequest(handler, new ClosedError('the dispatcher was closed', upstreams.closedWith));
        return false;
      }
      return new Exchange(balancer, settings, { options, handler }).begin();
    }

    close(onDone?: OnDone): Promise<void> | undefined {
      return report(upstreams.close(), onDone);
    }

    destroy(reason?: Error | OnDone | null, onDone?: OnDone): Promise<void> | undefined {
      if (typeof reason === 'function') return report(upstreams.destroy(null), reason);
      return report(upstreams.destroy(reason ?? null), onDone);
    }
  };
}

type OnDone = (error: unknown, data: null) => void;

/** Tells the end of `work` in the way that the caller asked for. */
function report(work: Promise<void>, onDone?: OnDone): Promise<void> | undefined {
  if (onDone === undefined) return work;
  work.then(
    () => onDone(null, null),
    (error: unknown) => onDone(error, null),
  );
  return undefined;
}

/** The class `Dispatcher` that the dispatcher of the first node descends from. */
function classOf<N extends NodeLike>(upstreams: Upstreams, balancer: Balancer<N>): unknown {
  const [node] = balancer.nodes;
  if (node === undefined) {
    throw new ConfigError(
      'undiciDispatcher.Dispatcher',
      'must be given while the pool has no nodes: pass the class Dispatcher of your undici',
    );
  }
  // `Dispatcher` is the first class of undici's to have a method `dispatch`.
  let found: unknown;
  let prototype: unknown = Object.getPrototypeOf(upstreams.get(node.id));
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    if (Object.hasOwn(prototype as object, 'dispatch')) {
      found = (prototype as { constructor: unknown }).constructor;
    }
  }
  if (typeof found === 'function') return found;
  throw new ConfigError('undiciDispatcher.factory', 'must return a dispatcher of undici');
}
