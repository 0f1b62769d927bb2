/**
 * Handlers put between an undici dispatcher and the handler of a request, to see how the request
 * goes. undici has two kinds: that of version 6 (`onConnect`, `onHeaders`, ...), which version 7 takes too,
 * and that of version 8 (`onRequestStart`, `onResponseStart`, ...), which version 7 takes too. Each is
 * passed on in its own kind.
 *
 * When a request is sent again, its handler sees one request: the start is told once, and what it can
 * abort, pause and resume is whichever attempt is under way.
 *
 * @module
 */

/** What is seen of a request. */
export interface HandlerObserver {
  /**
   * An attempt has a connection and can be aborted from now on.
   *
   * @returns Whether the handler is to be told: this is the first attempt, and not aborted.
   */
  connected(abort: (reason: unknown) => void): boolean;
  /** The caller aborts the request. */
  aborted(reason: unknown): void;
  answered(status: number): void;
  /** The connection is the caller's now. */
  upgraded(socket: ClosingSocket): void;
  completed(): void;
  /** An attempt failed. Returns the error to hand on; nothing when another attempt was begun. */
  failed(error: unknown): { error: unknown } | undefined;
}

interface ClosingSocket {
  once(event: 'close', listener: () => void): unknown;
}

/** The kind of version 6. */
interface CallbackHandler {
  onConnect?(abort: (reason?: unknown) => void, context?: unknown): void;
  onUpgrade?(status: number, headers: unknown, socket: ClosingSocket): void;
  onResponseStarted?(): void;
  onHeaders?(status: number, headers: unknown, resume: () => void, text: string): boolean;
  onData?(chunk: unknown): boolean;
  onComplete?(trailers: unknown): void;
  onError?(error: unknown): void;
  onBodySent?(chunk: unknown): void;
  onRequestSent?(): void;
}

/** The kind of version 8. */
interface ControllerHandler {
  onRequestStart?(controller: Controller, context: unknown): void;
  onRequestUpgrade?(
    controller: Controller,
    status: number,
    headers: unknown,
    socket: ClosingSocket,
  ): void;
  onResponseStarted?(): void;
  onResponseStart?(controller: Controller, status: number, headers: unknown, text?: string): void;
  onResponseData?(controller: Controller, chunk: unknown): void;
  onResponseEnd?(controller: Controller, trailers: unknown): void;
  onResponseError?(controller: Controller | null, error: unknown): void;
  onBodySent?(chunk: unknown): void;
  onRequestSent?(): void;
}

interface Controller {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: unknown;
  rawHeaders?: unknown;
  rawTrailers?: unknown;
  abort(reason: unknown): void;
  pause(): void;
  resume(): void;
}

export type AnyHandler = CallbackHandler & ControllerHandler;
export type ObservedHandler = CallbackHandler | ControllerHandler;

/** A handler of the same kind that tells `observer` and passes everything on. */
export function observe(handler: AnyHandler, observer: HandlerObserver): ObservedHandler {
  return isControllerHandler(handler)
    ? new ObservedControllerHandler(handler, observer)
    : new ObservedCallbackHandler(handler, observer);
}

/** Tells a handler that its request cannot be sent. */
export function rejectRequest(handler: AnyHandler, error: unknown): void {
  if (isControllerHandler(handler)) handler.onResponseError?.(null, error);
  else if (handler.onError === undefined) throw error;
  else handler.onError(error);
}

function isControllerHandler(handler: AnyHandler): boolean {
  return typeof handler.onRequestStart === 'function';
}

class ObservedCallbackHandler implements CallbackHandler {
  readonly #handler: CallbackHandler;
  readonly #observer: HandlerObserver;

  constructor(handler: CallbackHandler, observer: HandlerObserver) {
    this.#handler = handler;
    this.#observer = observer;
  }

  onConnect(abort: (reason?: unknown) => void, context?: unknown): void {
    if (!this.#observer.connected(abort)) return;
    this.#handler.onConnect?.((reason) => this.#observer.aborted(reason), context);
  }

  onUpgrade(status: number, headers: unknown, socket: ClosingSocket): void {
    this.#observer.upgraded(socket);
    this.#handler.onUpgrade?.(status, headers, socket);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onHeaders(status: number, headers: unknown, resume: () => void, text: string): boolean {
    this.#observer.answered(status);
    return this.#handler.onHeaders!(status, headers, resume, text);
  }

  onData(chunk: unknown): boolean {
    return this.#handler.onData!(chunk);
  }

  onComplete(trailers: unknown): void {
    this.#observer.completed();
    this.#handler.onComplete?.(trailers);
  }

  onError(error: unknown): void {
    const failure = this.#observer.failed(error);
    if (failure !== undefined) this.#handler.onError?.(failure.error);
  }

  onBodySent(chunk: unknown): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }
}

class ObservedControllerHandler implements ControllerHandler {
  readonly #handler: ControllerHandler;
  readonly #observer: HandlerObserver;
  readonly #controller: CurrentController;

  constructor(handler: ControllerHandler, observer: HandlerObserver) {
    this.#handler = handler;
    this.#observer = observer;
    this.#controller = new CurrentController(observer);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#controller.target = controller;
    if (!this.#observer.connected((reason) => controller.abort(reason))) return;
    this.#handler.onRequestStart?.(this.#controller, context);
  }

  onRequestUpgrade(
    _controller: Controller,
    status: number,
    headers: unknown,
    socket: ClosingSocket,
  ): void {
    this.#observer.upgraded(socket);
    this.#handler.onRequestUpgrade?.(this.#controller, status, headers, socket);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onResponseStart(_controller: Controller, status: number, headers: unknown, text?: string): void {
    this.#observer.answered(status);
    this.#handler.onResponseStart?.(this.#controller, status, headers, text);
  }

  onResponseData(_controller: Controller, chunk: unknown): void {
    this.#handler.onResponseData?.(this.#controller, chunk);
  }

  onResponseEnd(_controller: Controller, trailers: unknown): void {
    this.#observer.completed();
    this.#handler.onResponseEnd?.(this.#controller, trailers);
  }

  onResponseError(_controller: Controller | null, error: unknown): void {
    const failure = this.#observer.failed(error);
    if (failure === undefined) return;
    const controller = this.#controller.target === undefined ? null : this.#controller;
    this.#handler.onResponseError?.(controller, failure.error);
  }

  onBodySent(chunk: unknown): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }
}

/** Stands for the controller of the attempt under way. */
class CurrentController implements Controller {
  target: Controller | undefined;
  readonly #observer: HandlerObserver;

  constructor(observer: HandlerObserver) {
    this.#observer = observer;
  }

  get aborted(): boolean {
    return this.target!.aborted;
  }

  get paused(): boolean {
    return this.target!.paused;
  }

  get reason(): unknown {
    return this.target!.reason;
  }

  get rawHeaders(): unknown {
    return this.target!.rawHeaders;
  }

  get rawTrailers(): unknown {
    return this.target!.rawTrailers;
  }

  abort(reason: unknown): void {
    this.#observer.aborted(reason);
  }

  pause(): void {
    this.target!.pause();
  }

  resume(): void {
    this.target!.resume();
  }
}
