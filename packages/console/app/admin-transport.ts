/**
 * Requests to the admin listener that the page came from.
 *
 * @module
 */

/** An answer of the listener that refuses, with its reason as the message. */
export class AdminRequestError extends Error {
  override readonly name = 'AdminRequestError';
  readonly code = 'ADMIN_REQUEST';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface AdminClientOptions {
  /** The bearer token in force; asked before each request. */
  readonly token: () => string | null;
  /** Default: the browser's. */
  readonly fetch?: typeof globalThis.fetch;
  /** An answer that takes longer is given up; default 5 s. */
  readonly timeoutMs?: number;
}

/** Sends with the token in force. */
export class AdminTransport {
  private readonly token: () => string | null;
  private readonly fetch: typeof globalThis.fetch;
  private readonly timeoutMs: number;

  constructor({ token, fetch, timeoutMs = 5000 }: AdminClientOptions) {
    this.token = token;
    this.fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.timeoutMs = timeoutMs;
  }

  /** @throws {AdminRequestError} When refused; otherwise as `fetch` does. */
  async request(method: string, path: string, body?: unknown): Promise<Response> {
    const token = this.token();
    const response = await this.fetch(path, {
      method,
      headers: {
        accept: 'application/json, */*;q=0.5',
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(this.timeoutMs),
    });
    if (!response.ok) throw new AdminRequestError(response.status, await reasonOf(response));
    return response;
  }
}

/** The listener answers `{"error": reason}`; anything else on its address may not. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not from the listener: the status has to do.
  }
  return `answer ${response.status} ${response.statusText}`.trimEnd();
}
