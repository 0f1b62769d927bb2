/**
 * Routes of the admin listener: health, metrics, and the operations of the command line.
 *
 * @module
 */
import { type AdminRoute, messageOf, readJson } from '@balancer/kit';
import { handleScalelite, SCALELITE_PREFIX } from '../api/scalelite.ts';
import { runOperation } from '../operations/registry.ts';
import { OperationError } from '../operations/servers.ts';
import type { RestHost } from '../rest/route.ts';
import { refusalOf, restRoutes, roleOf, tokenRefusal } from '../rest/serve.ts';
import { SCHEMA_VERSION } from '../store/migrations.ts';
import type { GatewayMetrics } from './metrics.ts';

export interface AdminParts extends RestHost {
  readonly metrics: GatewayMetrics;
}

/** The routes, for the listener to guard. */
export function adminRoutes(parts: AdminParts): AdminRoute[] {
  const { context, metrics, poller } = parts;
  return [
    ...restRoutes(parts),
    {
      method: 'GET',
      path: '/healthz',
      access: 'open',
      handler: (request) => request.json({ alive: true }),
    },
    {
      method: 'GET',
      path: '/readyz',
      access: 'open',
      handler: async (request) => {
        const storage = await context.store.ping().then(
          () => 'ok',
          (error: unknown) => messageOf(error),
        );
        const detail = {
          storage,
          schema: SCHEMA_VERSION,
          polls: poller.isLeading,
          degraded: context.board.isDegraded,
        };
        return request.json(detail, storage === 'ok' ? 200 : 503);
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      access: 'open',
      handler: async (request) => {
        // Scrapers on this machine need no token.
        const { admin_allow_remote: isRemote } = context.config();
        if (isRemote && (await roleOf(parts, request)) === null) return tokenRefusal();
        return request.body(await metrics.text(context, poller.lastRound), 200, {
          'content-type': metrics.contentType,
        });
      },
    },
    ...(['GET', 'POST'] as const).map((method): AdminRoute => ({
      method,
      path: `${SCALELITE_PREFIX}:name`,
      // Signed with the gateway's secret.
      access: 'open',
      handler: async ({ req }) => {
        const { pathname, search } = new URL(req.url);
        const answer = await handleScalelite(context, {
          method,
          path: pathname,
          rawQuery: search.slice(1),
          headers: req.header(),
          body: Buffer.from(await req.arrayBuffer()),
          host: '',
          origin: '',
          remoteAddress: '',
        });
        return new Response(String(answer.body), answer);
      },
    })),
    {
      method: 'POST',
      path: '/operations/:name',
      access: 'write',
      handler: async (request) => {
        try {
          const input = await readJson(request);
          const name = request.req.param('name') ?? '';
          return request.json((await runOperation(parts, name, input)) as object);
        } catch (error) {
          throw error instanceof OperationError ? refusalOf(error) : error;
        }
      },
    },
  ];
}
