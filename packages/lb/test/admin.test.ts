import { type AdminRoute, AdminServer, Metrics, parseConfig, secret, z } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { adminOperations, statisticsSchema } from '../src/admin-operations.ts';
import { adminRoutes } from '../src/admin.ts';
import type { LoadBalancer } from '../src/load-balancer.ts';
import { registerMetrics } from '../src/metrics.ts';
import type { Statistics } from '../src/statistics.ts';
import { startLoadBalancer } from './support.ts';

const CONFIG = `[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.s1]
addr = "127.0.0.1:8081"
weight = 10
[backends.out.servers.s2]
addr = "127.0.0.1:8082"
[stats]
token = "s3cret"
`;

const {
  value: { token },
} = parseConfig('token = "s3cret"', 't.toml', {
  schema: z.strictObject({ token: secret() }),
  environment: {},
});

interface Admin {
  readonly loadBalancer: LoadBalancer;
  readonly routes: readonly AdminRoute[];
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
}

async function startAdmin(): Promise<Admin> {
  const { loadBalancer } = await startLoadBalancer(CONFIG);
  const metrics = new Metrics();
  const reloads = (): { succeeded: number; failed: number; lastSuccessAt: number } => ({
    succeeded: 2,
    failed: 1,
    lastSuccessAt: 1000,
  });
  registerMetrics({ loadBalancer, metrics, version: '1.2.3', descriptorsMax: 1024, reloads });
  const routes = adminRoutes({
    loadBalancer,
    metrics,
    facts: () => ({ version: '1.2.3', configError: '<b>bad</b>', descriptorsMax: 1024 }),
    reload: async () => ({ outcome: 'unchanged', trigger: 'api' }),
  });
  const server = new AdminServer({ routes, token });
  const request = (path: string, init?: RequestInit): Promise<Response> =>
    server.fetch(new Request(`http://127.0.0.1${path}`, init));
  return { loadBalancer, routes, request };
}

function authorized(method: string, body?: string): RequestInit {
  const headers = { authorization: 'Bearer s3cret', 'content-type': 'application/json' };
  return { method, headers, ...(body !== undefined && { body }) };
}

test('every route is described, with who may use it', async () => {
  const { routes } = await startAdmin();
  const described = Object.entries(adminOperations).map(([key, { access }]) => [key, access]);
  expect(Object.fromEntries(described)).toEqual(
    Object.fromEntries(routes.map(({ method, path, access }) => [`${method} ${path}`, access])),
  );
});

describe('GET', () => {
  test('/stats answers JSON with the documented keys', async () => {
    const { request, loadBalancer } = await startAdmin();
    const frontend = loadBalancer.frontends.get('in')!;
    const [server] = loadBalancer.backends.get('out')!.servers;
    for (const { counters } of [frontend, server!]) {
      counters.opened();
      counters.addTx(10);
      counters.addRx(2 ** 40);
    }
    server!.setHealth('down', 'connection refused');
    const statistics = (await (await request('/stats.json')).json()) as Statistics;
    statisticsSchema.parse(statistics);
    expect(statistics).toMatchObject({
      total_connections: 1,
      current_connections: 1,
      total_bytes_tx: 10,
      total_bytes_rx: 2 ** 40,
      frontends: { in: { refused: { acl: 0, rate: 0, max_connections: 0, no_backend: 0 } } },
      backends: {
        out: {
          bytes_rx: 2 ** 40,
          servers: { '127.0.0.1:8081': false, '127.0.0.1:8082': true },
          server_stats: { '127.0.0.1:8081': { name: 's1', state: 'down', weight: 10, current: 1 } },
        },
      },
      process: { version: '1.2.3', max_fds: 1024, config_error: '<b>bad</b>' },
    });
  });

  test('/stats answers a page to browsers, with everything escaped', async () => {
    const { request } = await startAdmin();
    const response = await request('/stats', { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).toContain('&lt;b&gt;bad&lt;/b&gt;');
    expect(page).not.toContain('<b>bad</b>');
    expect(page).toContain('<noscript><meta http-equiv="refresh" content="2"></noscript>');
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  test('/metrics is valid exposition text with the counters', async () => {
    const { request, loadBalancer } = await startAdmin();
    const { counters } = loadBalancer.frontends.get('in')!;
    counters.refused.acl = 4;
    counters.durations.observe('client_fin', 0.05);
    counters.durations.observe('client_fin', 4000);
    const text = await (await request('/metrics')).text();
    for (const line of text.split('\n')) {
      expect(line).toMatch(/^$|^# (HELP|TYPE) \w+ .+|^\w+(\{[^}]*\})? [-+\d.eE]+$/);
    }
    expect(text).toContain('balancer_connections_refused_total{frontend="in",reason="acl"} 4');
    expect(text).toContain('balancer_server_weight{backend="out",server="127.0.0.1:8081"} 10');
    const bucket = 'balancer_connection_seconds_bucket{frontend="in",end="client_fin",le=';
    expect(text).toContain(`${bucket}"0.01"} 0`);
    expect(text).toContain(`${bucket}"0.1"} 1`);
    expect(text).toContain(`${bucket}"3600"} 1`);
    expect(text).toContain(`${bucket}"+Inf"} 2`);
    expect(text).toContain('balancer_connection_seconds_count{frontend="in",end="client_fin"} 2');
    expect(text).toContain('balancer_config_reload_failures_total 1');
    expect(text).toContain('balancer_build_info{version="1.2.3"} 1');
  });

  test('/healthz is 200 while /readyz depends on the servers', async () => {
    const { request, loadBalancer } = await startAdmin();
    expect((await request('/readyz')).status).toBe(200);
    for (const server of loadBalancer.backends.get('out')!.servers)
      server.setHealth('down', 'test');
    const readyz = await request('/readyz');
    expect([readyz.status, await readyz.text()]).toEqual([
      503,
      'not ready: no usable server in out\n',
    ]);
    expect((await request('/healthz')).status).toBe(200);
  });

  test('/config is the effective configuration without secrets', async () => {
    const { request } = await startAdmin();
    const text = await (await request('/config')).text();
    expect(text).toContain('connect_timeout = "5s"');
    expect(text).not.toContain('s3cret');
  });
});

describe('an order', () => {
  const path = '/backends/out/servers/s1';

  test('needs the token', async () => {
    const { request } = await startAdmin();
    const body = '{"weight":5}';
    expect((await request(path, { method: 'PUT', body })).status).toBe(401);
    const wrong = { method: 'PUT', body, headers: { authorization: 'Bearer guess' } };
    expect((await request(path, wrong)).status).toBe(403);
  });

  test('changes weight and state', async () => {
    const { request, loadBalancer } = await startAdmin();
    const answer = await request(path, authorized('PUT', '{"weight":5,"state":"drain"}'));
    expect(await answer.json()).toEqual({ server: '127.0.0.1:8081', weight: 5, state: 'drain' });
    expect(loadBalancer.backends.get('out')!.servers[0]!.node.weight).toBe(5);
  });

  test.each([
    ['not JSON', '{weight', 400],
    ['an unknown key', '{"wait":5}', 400],
    ['a weight out of range', '{"weight":70000}', 400],
    ['nothing', '{}', 400],
  ])('with %s is refused', async (_name, body, status) => {
    const { request, loadBalancer } = await startAdmin();
    const answer = await request(path, authorized('PUT', body));
    expect(answer.status).toBe(status);
    expect(await answer.json()).toHaveProperty('error');
    expect(loadBalancer.backends.get('out')!.servers[0]!.weight).toBe(10);
  });

  test('for an unknown server says which there are', async () => {
    const { request } = await startAdmin();
    const answer = await request('/backends/out/servers/s9', authorized('PUT', '{"weight":1}'));
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: 'no server "s9"; known: s1, s2' },
    ]);
  });

  test('closes the connections of a server', async () => {
    const { request } = await startAdmin();
    const answer = await request(`${path}/close?rate=100`, authorized('POST'));
    expect(await answer.json()).toEqual({ closing: 3 });
    expect((await request(`${path}/close?rate=0`, authorized('POST'))).status).toBe(400);
  });

  test('of the wrong method is refused', async () => {
    const { request } = await startAdmin();
    expect((await request('/stats', authorized('DELETE'))).status).toBe(405);
  });
});
