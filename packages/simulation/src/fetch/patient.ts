/**
 * Requests to services that others run: not more than so many a second, and again after errors that
 * pass, at growing intervals with jitter.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

export interface PatientOptions {
  /** Requests a second. */
  readonly rate: number;
  /** Stops waiting and asking. */
  readonly signal?: AbortSignal;
  readonly onRetry?: (reason: string, delayMs: number) => void;
  /** For tests. Default: those of the platform. */
  readonly fetch?: typeof globalThis.fetch;
  readonly wait?: (ms: number) => Promise<void>;
  readonly random?: () => number;
}

const ATTEMPTS = 7;
const FIRST_DELAY_MS = 500;
const DELAY_MAX_MS = 30_000;
const TIMEOUT_MS = 60_000;
const BODY_SHOWN = 200;

/** Posts JSON and reads JSON. */
export class PatientClient {
  readonly #options: PatientOptions;
  readonly #fetch: typeof globalThis.fetch;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #random: () => number;
  #nextMs = 0;

  constructor(options: PatientOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#wait = options.wait ?? ((ms) => pause(ms, options.signal));
    this.#random = options.random ?? Math.random;
  }

  /** @throws {SimulationError} Naming the service, what it answered, and how often it was asked. */
  async post(
    url: URL,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const { signal, onRetry } = this.#options;
    for (let attempt = 1; ; attempt++) {
      await this.#turn();
      signal?.throwIfAborted();
      const { answer, reason, isPassing, afterMs } = await this.#ask(url, body, headers);
      if (reason === null) return answer;
      if (!isPassing || attempt === ATTEMPTS) {
        const tries = attempt === 1 ? '' : ` (asked ${attempt} times)`;
        throw new SimulationError(`${url.origin}: ${reason}${tries}`);
      }
      // Full jitter: clients that failed together do not come back together.
      const most = Math.min(DELAY_MAX_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
      const delayMs = Math.max(afterMs, this.#random() * most);
      onRetry?.(reason, delayMs);
      await this.#wait(delayMs);
    }
  }

  /** Waits until the next request may go. */
  async #turn(): Promise<void> {
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.#nextMs);
    this.#nextMs = startMs + 1000 / this.#options.rate;
    if (startMs > nowMs) await this.#wait(startMs - nowMs);
  }

  async #ask(
    url: URL,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ answer: unknown; reason: string | null; isPassing: boolean; afterMs: number }> {
    const failed = (reason: string, isPassing: boolean, afterMs = 0) => ({
      answer: null,
      reason,
      isPassing,
      afterMs,
    });
    try {
      const response = await this.#fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (!response.ok) {
        const isPassing = response.status === 429 || response.status >= 500;
        const afterSeconds = Number(response.headers.get('retry-after') ?? 0);
        const afterMs = Number.isFinite(afterSeconds)
          ? Math.min(DELAY_MAX_MS, afterSeconds * 1000)
          : 0;
        return failed(
          `answers ${response.status} ${text.slice(0, BODY_SHOWN)}`.trim(),
          isPassing,
          afterMs,
        );
      }
      try {
        return { answer: JSON.parse(text) as unknown, reason: null, isPassing: false, afterMs: 0 };
      } catch {
        return failed(`answers what is not JSON: ${text.slice(0, BODY_SHOWN)}`, true);
      }
    } catch (error) {
      const { cause, message } = error as Error;
      return failed(`does not answer: ${cause instanceof Error ? cause.message : message}`, true);
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
