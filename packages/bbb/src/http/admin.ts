/**
 * Routes of the admin listener: health, metrics, and the operations of the command line.
 *
 * @module
 */
import {
  AdminRefusal,
  type AdminRoute,
  messageOf,
  readJson,
  type RefusalStatus,
} from '@balancer/kit';
import { handleScalelite, SCALELITE_PREFIX } from '../api/scalelite.ts';
import type { GatewayContext } from '../context.ts';
import { runOperation } from '../operations/registry.ts';
import { OperationError } from '../operations/servers.ts';
import type { Importer } from '../recordings/importer.ts';
import type { Poller } from '../poll/poller.ts';
import { SCHEMA_VERSION } from '../store/migrations.ts';
import type { GatewayMetrics } from './metrics.ts';

export interface AdminParts {
  readonly context: GatewayContext;
  readonly metrics: GatewayMetrics;
  readonly poller: Poller;
  readonly importer: Importer;
}

const STATUS: Readonly<Record<OperationError['reason'], RefusalStatus>> = {
  invalid: 400,
  unknown: 404,
  taken: 409,
};

/** The routes, for the listener to guard. */
export function adminRoutes({ context, metrics, poller, importer }: AdminParts): AdminRoute[] {
  return [
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
      handler: async (request) =>
        request.body(await metrics.text(context, poller.lastRound), 200, {
          'content-type': metrics.contentType,
        }),
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
          return request.json(
            (await runOperation({ context, poller, importer }, name, input)) as object,
          );
        } catch (error) {
          if (!(error instanceof OperationError)) throw error;
          throw new AdminRefusal(STATUS[error.reason], error.message);
        }
      },
    },
  ];
}
