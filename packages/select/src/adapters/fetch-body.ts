/**
 * Responses whose body ends a job: when it has been read to its end, cancelled, or broken off.
 *
 * The body is passed on through a stream that reads only when it is read from. Nothing else refers
 * to that stream, so a response that its caller forgets is collected together with the lease, which
 * then cancels the job and reports the leak.
 *
 * @module
 */
import type { Lease } from '../lease.ts';
import type { NodeLike } from '../node.ts';
import { endAborted } from './aborted.ts';

export interface CountOptions {
  /** Does the status speak for the node? */
  ok: boolean;
  /** The caller's. */
  signal: AbortSignal | undefined;
}

/** Returns a response like `answer` that ends the job of `lease`; `answer` itself if it has no body. */
export function countBody(
  answer: Response,
  lease: Lease<NodeLike>,
  { ok, signal }: CountOptions,
): Response {
  // An empty body is often not read, because there is nothing to be read.
  if (answer.body === null || answer.headers.get('content-length') === '0') {
    lease.done(ok);
    return answer;
  }
  const job = new BodyJob(lease, ok, signal);
  return withBody(answer, passOn(answer, answer.body, job));
}

/** The end of a job, seen from the body of its answer. The first call decides. */
class BodyJob {
  readonly #lease: Lease<NodeLike>;
  readonly #ok: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;

  constructor(lease: Lease<NodeLike>, ok: boolean, signal: AbortSignal | undefined) {
    this.#lease = lease;
    this.#ok = ok;
    this.#signal = signal;
    // Weak, because a signal may live for long and must not keep a forgotten response alive.
    const job = new WeakRef(this);
    this.#onAbort = () => job.deref()?.broke();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.broke();
  }

  /** The body was read to its end. */
  finished(): void {
    this.#ignoreSignal();
    this.#lease.done(this.#ok);
  }

  /** The caller wants no more; what the status said stands. */
  cancelled(): void {
    this.#ignoreSignal();
    if (this.#ok) this.#lease.cancel();
    else this.#lease.done(false);
  }

  /** The body ended too early, by the node's fault unless the caller aborted. */
  broke(): void {
    this.#ignoreSignal();
    if (this.#ok && this.#signal?.aborted === true) endAborted(this.#lease, this.#signal);
    else this.#lease.done(false);
  }

  #ignoreSignal(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** Holds on to `answer`: a platform may cancel the body of a response that was collected. */
function passOn(
  answer: Response,
  body: NonNullable<Response['body']>,
  job: BodyJob,
): ReadableStream<Uint8Array> {
  const source: { answer: Response; reader?: ReadableStreamDefaultReader<Uint8Array> } = { answer };
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      source.reader ??= body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
      try {
        const chunk = await readSome(source.reader);
        if (chunk !== undefined) {
          controller.enqueue(chunk);
          return;
        }
      } catch (error) {
        job.broke();
        throw error;
      }
      job.finished();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    async cancel(reason) {
      job.cancelled();
      await (source.reader ?? body).cancel(reason);
    },
  });
}

/** The next chunk that is not empty, or `undefined` at the end. */
async function readSome(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | undefined> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    if (value.byteLength > 0) return value;
  }
}

/** A response with another body, and otherwise like `answer`. */
function withBody(answer: Response, body: ReadableStream<Uint8Array> | null): Response {
  const { status, statusText, headers, url, redirected, type } = answer;
  const response = new Response(body, { status, statusText, headers });
  // What the constructor has no way to set, and what would lose it again.
  return Object.defineProperties(response, {
    url: { value: url },
    redirected: { value: redirected },
    type: { value: type },
    clone: { value: () => withBody(answer, Response.prototype.clone.call(response).body) },
  });
}
