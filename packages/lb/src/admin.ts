/**
 * The admin API: statistics, metrics, health of the process itself, and orders from the operator.
 *
 * @module
 */
import {
  type AdminContext,
  type AdminRoute,
  BalancerError,
  messageOf,
  type Metrics,
  readJson,
  refusal,
  type ReloadResult,
  wantsHtml,
  z,
} from '@balancer/kit';
import { formatLoadBalancerConfig } from './config/load.ts';
import type { Backend } from './backend.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { AdminState, Server } from './server.ts';
import { type ProcessFacts, type Statistics, statisticsOf } from './statistics.ts';
import { renderStatsPage, type StatsPageApp } from './stats-page.ts';
import { STATS_PAGE_SCRIPT } from './stats-page-assets.ts';

export interface AdminRoutesOptions {
  readonly loadBalancer: LoadBalancer;
  readonly metrics: Metrics;
  readonly facts: () => ProcessFacts;
  /** Reads the configuration file again; absent when there is none. */
  readonly reload?: () => Promise<ReloadResult>;
  /** What takes over the page of statistics in a browser; absent: the page is a plain table. */
  readonly app?: StatsPageApp | undefined;
}

/** An order for a server; at least one of the two keys. */
export const serverOrder: z.ZodType<{
  weight?: number | undefined;
  state?: AdminState | undefined;
}> = z
  .strictObject({
    weight: z.int().min(0).max(65_535).optional(),
    state: z.enum(['ready', 'drain', 'maint']).optional(),
  })
  .refine(({ weight, state }) => weight !== undefined || state !== undefined, {
    error: 'needs "weight" or "state"',
  });

/** All routes of the load balancer, for the admin listener. */
export function adminRoutes(options: AdminRoutesOptions): readonly AdminRoute[] {
  const { loadBalancer, metrics } = options;
  return [
    { method: 'GET', path: '/', access: 'open', handler: (c) => c.redirect('/stats') },
    { method: 'GET', path: '/stats', handler: (context) => stats(context, options) },
    {
      method: 'GET',
      path: '/stats.json',
      handler: async () => Response.json(await snapshot(options)),
    },
    {
      method: 'GET',
      path: '/stats.js',
      access: 'open',
      handler: () =>
        new Response(STATS_PAGE_SCRIPT, { headers: { 'content-type': 'text/javascript' } }),
    },
    {
      method: 'GET',
      path: '/metrics',
      handler: async () => {
        await loadBalancer.collect();
        const headers = { 'content-type': metrics.contentType };
        return new Response(await metrics.text(), { headers });
      },
    },
    { method: 'GET', path: '/healthz', access: 'open', handler: () => new Response('ok\n') },
    {
      method: 'GET',
      path: '/readyz',
      access: 'open',
      handler: () =>
        loadBalancer.ready
          ? new Response('ready\n')
          : new Response(`not ready: ${unreadiness(loadBalancer)}\n`, { status: 503 }),
    },
    {
      method: 'GET',
      path: '/config',
      handler: () =>
        new Response(formatLoadBalancerConfig(loadBalancer.config), {
          headers: { 'content-type': 'application/toml; charset=utf-8' },
        }),
    },
    { method: 'POST', path: '/reload', handler: () => reload(options) },
    {
      method: 'PUT',
      path: '/backends/:backend/servers/:server',
      handler: (context) => withServer(context, loadBalancer, (server) => direct(context, server)),
    },
    {
      method: 'POST',
      path: '/backends/:backend/servers/:server/close',
      handler: (context) =>
        withServer(context, loadBalancer, (server) => close(context, loadBalancer, server)),
    },
  ];
}

async function snapshot({ loadBalancer, facts }: AdminRoutesOptions): Promise<Statistics> {
  await loadBalancer.collect();
  return statisticsOf(loadBalancer, facts());
}

async function stats(context: AdminContext, options: AdminRoutesOptions): Promise<Response> {
  const statistics = await snapshot(options);
  if (!wantsHtml(context)) return Response.json(statistics);
  return new Response(renderStatsPage(statistics, options.app), {
    headers: { 'content-type': 'text/html; charset=utf-8' },
  });
}

async function reload({ reload: run }: AdminRoutesOptions): Promise<Response> {
  if (!run) return refusal(409, 'this process runs without a configuration file');
  const result = await run();
  if (result.outcome !== 'failed') return Response.json({ outcome: result.outcome });
  const { error } = result;
  // A refused file is the caller's to mend; anything else is a failure of ours.
  return refusal(error instanceof BalancerError ? 409 : 500, messageOf(error));
}

async function direct(context: AdminContext, server: Server): Promise<Response> {
  const parsed = serverOrder.safeParse(await readJson(context));
  if (!parsed.success) return refusal(400, z.prettifyError(parsed.error));
  const { weight, state } = parsed.data;
  if (weight !== undefined) server.setAdminWeight(weight);
  if (state !== undefined) server.setAdminState(state);
  return Response.json({ server: server.address, weight: server.weight, state: server.state });
}

async function close(
  context: AdminContext,
  loadBalancer: LoadBalancer,
  server: Server,
): Promise<Response> {
  const text = context.req.query('rate');
  const rate = text === undefined ? undefined : Number(text);
  if (rate !== undefined && !(rate > 0)) {
    return refusal(400, `rate must be connections per second above 0; got ${text}`);
  }
  await loadBalancer.collect();
  return Response.json({ closing: loadBalancer.closeConnections(server, rate) });
}

function withServer(
  context: AdminContext,
  { backends }: LoadBalancer,
  action: (server: Server) => Response | Promise<Response>,
): Response | Promise<Response> {
  const backendName = context.req.param('backend') ?? '';
  const serverName = context.req.param('server') ?? '';
  const backend = backends.get(backendName);
  if (!backend)
    return refusal(404, `no backend ${JSON.stringify(backendName)}; ${names(backends.keys())}`);
  const server = backend.serverNamed(serverName);
  if (!server)
    return refusal(404, `no server ${JSON.stringify(serverName)}; ${serverNames(backend)}`);
  return action(server);
}

function serverNames({ servers }: Backend): string {
  return names(servers.map((server) => server.name));
}

function names(known: Iterable<string>): string {
  return `known: ${[...known].join(', ')}`;
}

function unreadiness(loadBalancer: LoadBalancer): string {
  if (loadBalancer.phase !== 'running') return loadBalancer.phase;
  const without = [...loadBalancer.backends.values()].filter((backend) => !backend.usable);
  return `no usable server in ${without.map((backend) => backend.name).join(', ')}`;
}
