/**
 * Answers that handlers of the admin listener give, and how they read what they were sent.
 *
 * @module
 */
import type { Context } from 'hono';
import { BalancerError } from '../errors.ts';

/** The request as a handler sees it: parameters, query, body, and helpers for answers. */
export type AdminContext = Context;

/** Statuses that refuse a request. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503;

/** Thrown by a handler to answer `{"error": message}` with a status. */
export class AdminRefusal extends BalancerError {
  override readonly name = 'AdminRefusal';
  readonly code = 'ADMIN_REFUSAL';
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/** A JSON answer with a reason, as every refusal of the listener has: `{"error": reason}`. */
export function refusal(
  status: RefusalStatus,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error: reason }, { status, headers });
}

/**
 * The body as JSON.
 *
 * @throws {AdminRefusal} 400 if it is not JSON.
 */
export async function readJson(context: AdminContext): Promise<unknown> {
  const text = await context.req.text();
  try {
    const body: unknown = JSON.parse(text);
    return body;
  } catch {
    throw new AdminRefusal(400, 'the body is not JSON');
  }
}

/** True when the client prefers a page over JSON. */
export function wantsHtml(context: AdminContext): boolean {
  const quality = (type: string): number => {
    for (const part of (context.req.header('accept') ?? '').split(',')) {
      const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim());
      if (name.toLowerCase() !== type) continue;
      const given = parameters.find((parameter) => parameter.startsWith('q='));
      return given === undefined ? 1 : Number(given.slice(2)) || 0;
    }
    return 0;
  };
  const html = quality('text/html');
  return html > 0 && html >= quality('application/json');
}
