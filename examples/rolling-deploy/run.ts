/**
 * A rolling deployment: three servers behind the load balancer are replaced by a new version, one
 * after the other, while twenty clients ask without a pause. Each server is drained through the admin
 * API first, so that no request fails.
 *
 *     npm run example:rolling
 *
 * Ports of the file are replaced by free ones. In front of real servers the same steps are
 * `balancer drain app/one --wait 60`, the deployment, `balancer drain app/one --ready --wait 60`.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  type Address,
  AdminServer,
  formatAddress,
  freePort,
  Metrics,
  silentLogger,
} from '@balancer/kit';
import {
  adminRoutes,
  LoadBalancer,
  type LoadBalancerConfig,
  parseLoadBalancerConfig,
  type ServerStatistics,
  type Statistics,
} from '@balancer/lb';
import { ProxyPlane } from '@balancer/proxy';
import { type Answers, Clients, portOf, startApplication, stopApplication } from './application.ts';

const CLIENTS = 20;
/** Between two looks at a server. */
const LOOK_MS = 20;
/** Between two servers, so that both versions serve side by side for a while. */
const PAUSE_MS = 200;

/** @param log - Told of each step. */
export async function runRollingDeploy(log: (line: string) => void): Promise<Answers> {
  const text = await readFile(new URL('balancer.toml', import.meta.url), 'utf8');
  const { config: written } = parseLoadBalancerConfig(text, 'balancer.toml');
  const applications = new Map<string, Server>();
  for (const name of Object.keys(written.backends['app']!.servers)) {
    // oxlint-disable-next-line no-await-in-loop -- a handful
    applications.set(name, await startApplication('v1', await freePort()));
  }
  const loadBalancer = new LoadBalancer({
    config: withFreePorts(written, applications),
    planes: [new ProxyPlane({ logger: silentLogger })],
    logger: silentLogger,
  });
  await loadBalancer.start();
  const { token } = written.stats!;
  const admin = new AdminServer({
    routes: adminRoutes({ loadBalancer, metrics: new Metrics(), facts: () => FACTS }),
    token,
    logger: silentLogger,
  });
  const adminUrl = `http://${formatAddress(await admin.listen(LOCAL))}`;
  const operator = new Operator(adminUrl, token!.reveal());
  const [frontend] = loadBalancer.frontends.values();
  const clients = new Clients(Number(frontend!.listening[0]!.split(':').at(-1)), CLIENTS);
  try {
    for (const [name, old] of applications) {
      // oxlint-disable-next-line no-await-in-loop -- one server at a time is the point
      applications.set(name, await replace({ name, old, operator, log }));
    }
    await setTimeout(PAUSE_MS);
    return await clients.stop();
  } finally {
    await admin.close();
    await loadBalancer.stop();
    await Promise.all([...applications.values()].map(stopApplication));
  }
}

interface Replacement {
  readonly name: string;
  readonly old: Server;
  readonly operator: Operator;
  readonly log: (line: string) => void;
}

/** Drains a server, puts the new version in its place, and takes it back. */
async function replace({ name, old, operator, log }: Replacement): Promise<Server> {
  await setTimeout(PAUSE_MS);
  await operator.order(name, 'drain');
  await operator.until(name, ({ current }) => current === 0);
  log(`${name}: drained`);
  const port = portOf(old);
  await stopApplication(old);
  const fresh = await startApplication('v2', port);
  await operator.order(name, 'ready');
  await operator.until(name, ({ state }) => state === 'up');
  log(`${name}: v2 is up`);
  return fresh;
}

/** Gives orders through the admin API, as a deployment script would. */
class Operator {
  private readonly url: string;
  private readonly token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  async order(server: string, state: 'drain' | 'ready'): Promise<void> {
    const response = await fetch(`${this.url}/backends/app/servers/${server}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ state }),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async until(name: string, isThere: (server: ServerStatistics) => boolean): Promise<void> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const { backends } = (await (await fetch(`${this.url}/stats.json`)).json()) as Statistics;
      const servers = Object.values(backends['app']!.server_stats);
      if (isThere(servers.find((server) => server.name === name)!)) return;
      // oxlint-disable-next-line no-await-in-loop -- between two looks
      await setTimeout(LOOK_MS);
    }
  }
}

const LOCAL: Address = { kind: 'inet', host: '127.0.0.1', port: 0 };

const FACTS = { version: 'example', configError: null, descriptorsMax: 1024 };

function withFreePorts(
  config: LoadBalancerConfig,
  applications: ReadonlyMap<string, Server>,
): LoadBalancerConfig {
  const { web } = config.frontends;
  const { app } = config.backends;
  const servers = Object.entries(app!.servers).map(([name, server]) => [
    name,
    { ...server, addr: { ...LOCAL, port: portOf(applications.get(name)!) } },
  ]);
  return {
    ...config,
    frontends: { web: { ...web!, listen_addr: [LOCAL] } },
    backends: { app: { ...app!, servers: Object.fromEntries(servers) } },
  };
}

/** One line: `requests: 312 (v1 170, v2 142), failed: 0`. */
export function summaryOf({ byVersion, failures }: Answers): string {
  const versions = [...byVersion].map(([version, count]) => `${version} ${count}`);
  const total = [...byVersion.values()].reduce((sum, count) => sum + count, failures.length);
  return `requests: ${total} (${versions.join(', ')}), failed: ${failures.length}`;
}

const [, script] = process.argv;
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  const answers = await runRollingDeploy((line) => console.log(line));
  console.log(summaryOf(answers));
}
