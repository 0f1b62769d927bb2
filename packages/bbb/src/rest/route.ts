/**
 * One route of the REST API: who may ask, with what, and what is answered. The table of routes serves
 * requests and writes the OpenAPI document, so that neither can say what the other does not do.
 *
 * @module
 */
import { type AdminContext, z } from '@balancer/kit';
import type { OperationHost } from '../operations/operation.ts';
import type { LoadHistory } from '../operations/load-history.ts';
import type { TokenRole } from '../store/tokens.ts';

/** What handlers work on. */
export interface RestHost extends OperationHost {
  readonly history: LoadHistory;
  /** When the process started to serve, in milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** A request that was let in and read. */
export interface RestRequest<Body, Query> {
  readonly host: RestHost;
  readonly role: TokenRole;
  /** Parameters of the path, by name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly http: AdminContext;
}

export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, in the form `/servers/:id`. */
  readonly path: string;
  readonly role: TokenRole;
  readonly summary: string;
  readonly query: z.ZodType | null;
  readonly body: z.ZodType | null;
  /** Null: an answer without content, 204. */
  readonly answer: z.ZodType | null;
  /** Of a success. */
  readonly status: 200 | 201 | 204;
  readonly run: (request: RestRequest<unknown, unknown>) => Promise<unknown>;
}

interface RouteOptions<Body, Query> {
  readonly role?: TokenRole;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  readonly answer?: z.ZodType;
  readonly status?: 200 | 201;
  readonly run: (request: RestRequest<Body, Query>) => Promise<unknown>;
}

/**
 * A route with its types checked. By default GET needs the role `read`, everything else `operate`.
 *
 * @param target - Method and path: `GET /servers/:id`.
 */
export function route<Body = undefined, Query = undefined>(
  target: string,
  summary: string,
  options: RouteOptions<Body, Query>,
): RestRoute {
  const [method, path] = target.split(' ') as [RestRoute['method'], string];
  const { answer, run } = options;
  return {
    method,
    path,
    summary,
    role: options.role ?? (method === 'GET' ? 'read' : 'operate'),
    query: options.query ?? null,
    body: options.body ?? null,
    answer: answer ?? null,
    status: answer === undefined ? 204 : (options.status ?? 200),
    run: async (request) => run(request as RestRequest<Body, Query>),
  };
}
