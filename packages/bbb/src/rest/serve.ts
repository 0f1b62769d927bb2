/**
 * Serves the REST API on the admin listener: recognises the token, checks its role and the request,
 * runs the route, answers JSON.
 *
 * @module
 */
import {
  type AdminContext,
  AdminRefusal,
  type AdminRoute,
  readJson,
  refusal,
  type RefusalStatus,
  z,
} from '@balancer/kit';
import { OperationError } from '../operations/servers.ts';
import { includesRole, recogniseToken } from '../operations/tokens.ts';
import type { TokenRole } from '../store/tokens.ts';
import { openApiDocument, REST_PREFIX } from './openapi.ts';
import type { RestHost, RestRoute } from './route.ts';
import { REST_ROUTES } from './routes.ts';

const STATUS: Readonly<Record<OperationError['reason'], RefusalStatus>> = {
  invalid: 400,
  unknown: 404,
  taken: 409,
};

/**
 * The routes, for the admin listener. They look after their tokens themselves, and so are `open` to
 * its own guard, which still refuses names of other hosts.
 */
export function restRoutes(host: RestHost): AdminRoute[] {
  const document = JSON.stringify(openApiDocument(REST_ROUTES));
  return [
    {
      method: 'GET',
      path: `${REST_PREFIX}/openapi.json`,
      access: 'open',
      handler: () => new Response(document, { headers: { 'content-type': 'application/json' } }),
    },
    ...REST_ROUTES.map((route): AdminRoute => ({
      method: route.method,
      path: `${REST_PREFIX}${route.path}`,
      access: 'open',
      handler: async (http) => serve(host, route, http),
    })),
  ];
}

/** An order that was refused, as an answer of the admin listener. */
export function refusalOf(error: OperationError): AdminRefusal {
  return new AdminRefusal(STATUS[error.reason], error.message);
}

/** The answer to a request without a known token. */
export function tokenRefusal(): Response {
  return refusal(401, 'needs the header "Authorization: Bearer <token>" with a valid token', {
    'www-authenticate': 'Bearer',
  });
}

async function serve(host: RestHost, route: RestRoute, http: AdminContext): Promise<Response> {
  const role = await roleOf(host, http);
  if (role === null) return tokenRefusal();
  if (!includesRole(role, route.role)) {
    throw new AdminRefusal(403, `this needs a token of the role ${route.role}; yours has ${role}`);
  }
  const body = route.body === null ? undefined : checked(route.body, await bodyOf(http));
  const query = route.query === null ? undefined : checked(route.query, http.req.query());
  const path = http.req.param() as Readonly<Record<string, string>>;
  try {
    const value = await route.run({ host, role, path, query, body, http });
    if (route.answer === null) return new Response(null, { status: 204 });
    return http.json(value as object, route.status === 201 ? 201 : 200);
  } catch (error) {
    throw error instanceof OperationError ? refusalOf(error) : error;
  }
}

/** The role of the token that a request carries; null for none that is known. */
export async function roleOf(
  host: Pick<RestHost, 'context'>,
  http: AdminContext,
): Promise<TokenRole | null> {
  const given = /^Bearer +(\S+) *$/i.exec(http.req.header('authorization') ?? '')?.[1];
  if (given === undefined) return null;
  return (await recogniseToken(host.context, given))?.role ?? null;
}

/** An order without a body is one with an empty object. */
async function bodyOf(http: AdminContext): Promise<unknown> {
  return http.req.header('content-length') === '0' || http.req.raw.body === null
    ? {}
    : readJson(http);
}

function checked(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AdminRefusal(400, z.prettifyError(parsed.error));
}
