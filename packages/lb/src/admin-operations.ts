/**
 * What each route of the load balancer's admin API does, for its OpenAPI document.
 *
 * @module
 */
import { type Operations, z } from '@balancer/kit';
import { serverOrder } from './admin.ts';
import { REFUSAL_REASONS } from './counters.ts';
import type { Statistics } from './statistics.ts';

const count = z.int().min(0);
const traffic = {
  total_connections: count,
  current_connections: count,
  bytes_tx: count,
  bytes_rx: count,
} as const;

const server = z.strictObject({
  name: z.string(),
  state: z.enum(['up', 'down', 'drain', 'maint', 'ejected', 'checking']),
  weight: count,
  effective_weight: z.number(),
  current: count,
  total: count,
  connect_errors: count,
  connect_ms_avg: z.number(),
  bytes_tx: count,
  bytes_rx: count,
  last_check: z
    .strictObject({ ok: z.boolean(), ms: z.number(), reason: z.string(), at: z.iso.datetime() })
    .nullable(),
  last_change: z.iso.datetime(),
  ejected_until: z.iso.datetime().nullable(),
});

const worker = z.strictObject({ pid: count, current_connections: count, fds: count, rss: count });

/** `GET /stats.json`. */
export const statisticsSchema: z.ZodType<Statistics> = z.strictObject({
  total_connections: count,
  current_connections: count,
  total_bytes_tx: count,
  total_bytes_rx: count,
  frontends: z.record(
    z.string(),
    z.strictObject({
      ...traffic,
      refused: z.record(z.enum(REFUSAL_REASONS), count),
      listen: z.array(z.string()),
      backend: z.string(),
      protocol: z.string(),
    }),
  ),
  backends: z.record(
    z.string(),
    z.strictObject({
      ...traffic,
      servers: z.record(z.string(), z.boolean()),
      queue: count,
      retries: count,
      balance: z.string(),
      server_stats: z.record(z.string(), server),
    }),
  ),
  process: z.strictObject({
    pid: count,
    uptime_s: z.number(),
    workers: count,
    worker_processes: z.array(worker),
    version: z.string(),
    phase: z.enum(['starting', 'running', 'draining', 'stopped']),
    config_loaded_at: z.iso.datetime(),
    config_error: z.string().nullable(),
    fds: count,
    max_fds: count,
    rss: count,
  }),
});

const NO_SERVER = { 404: 'no such backend or server' } as const;

/** The routes of `adminRoutes`. */
export const adminOperations: Operations = {
  'GET /': { summary: 'Leads to the page of statistics', access: 'open', answer: 'text/html' },
  'GET /stats': {
    summary: 'The page of statistics; JSON for whoever prefers it',
    answer: 'text/html',
  },
  'GET /stats.json': { summary: 'Statistics', answer: statisticsSchema },
  'GET /stats.js': {
    summary: 'What refreshes the plain page',
    access: 'open',
    answer: 'text/javascript',
  },
  'GET /metrics': { summary: 'Metrics in the text format of Prometheus', answer: 'text/plain' },
  'GET /healthz': { summary: 'The process answers', access: 'open', answer: 'text/plain' },
  'GET /readyz': {
    summary: 'Every backend has a usable server, and the process takes clients',
    access: 'open',
    answer: 'text/plain',
    refusals: { 503: 'not ready: the reason, as text' },
  },
  'GET /config': {
    summary: 'The configuration in force with every default, secrets left out',
    answer: 'application/toml',
  },
  'POST /reload': {
    summary: 'Reads the configuration file again',
    answer: z.strictObject({ outcome: z.enum(['applied', 'unchanged']) }),
    refusals: { 409: 'the file is refused, or there is none', 500: 'it could not be applied' },
  },
  'PUT /backends/:backend/servers/:server': {
    summary: 'Sets the weight of a server, or drains it, takes it out, or brings it back',
    body: serverOrder,
    answer: z.strictObject({ server: z.string(), weight: count, state: z.string() }),
    refusals: { 400: 'the body is no order', ...NO_SERVER },
  },
  'POST /backends/:backend/servers/:server/close': {
    summary: 'Resets the connections of a server',
    query: z.strictObject({ rate: z.number().optional().describe('connections per second') }),
    answer: z.strictObject({ closing: count }),
    refusals: { 400: 'rate is no number above 0', ...NO_SERVER },
  },
};
