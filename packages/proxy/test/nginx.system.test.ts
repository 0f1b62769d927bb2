import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../scripts/system-requirements.ts';
import { type Exchange, LoadClient } from './load-client.ts';
import { type Nginx, startNginx } from './nginx.ts';
import { type RunningBalancer, startBalancer, until } from './support.ts';

const WEIGHTS = { one: 3, two: 2, three: 1 } as const;

type Name = keyof typeof WEIGHTS;

const NAMES = Object.keys(WEIGHTS) as Name[];

function configOf(servers: Readonly<Record<Name, Nginx>>): string {
  const tables = NAMES.map(
    (name) => `[backends.web.servers.${name}]
addr = "${servers[name].address}"
weight = ${WEIGHTS[name]}`,
  );
  return `[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "web"
[backends.web]
health_check_interval = "100ms"
[backends.web.health]
type = "http"
fast_interval = "50ms"
fall = 2
${tables.join('\n')}
`;
}

describe.skipIf(!commandPath('nginx'))(`in front of nginx${skipReason('nginx')}`, () => {
  let servers: Record<Name, Nginx>;
  let balancer: RunningBalancer;
  const clients: LoadClient[] = [];

  const load = (): LoadClient => {
    const client = new LoadClient(balancer.port(), 16);
    clients.push(client);
    return client;
  };

  // Also after a failure: a client that goes on asking would fail the next test too.
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.stop())));

  beforeAll(async () => {
    const [one, two, three] = await Promise.all(NAMES.map((name) => startNginx(name)));
    servers = { one: one!, two: two!, three: three! };
    balancer = await startBalancer(configOf(servers));
    const { servers: checked } = balancer.loadBalancer.backends.get('web')!;
    await until('all are up', () => checked.every(({ state }) => state === 'up'));
  });

  afterAll(async () => {
    await balancer.stop();
    await Promise.all(NAMES.map((name) => servers[name].stop()));
  });

  test('shares follow the weights within 5 %, and none is lost', async () => {
    const client = load();
    await until('3000 requests are answered', () => client.exchanges.length >= 3000);
    await client.stop();
    const { exchanges } = client;
    expect(exchanges.filter(({ body }) => body === undefined)).toEqual([]);
    for (const name of NAMES) {
      const share = exchanges.filter(({ body }) => body === name).length / exchanges.length;
      const wanted = WEIGHTS[name] / 6;
      expect(Math.abs(share - wanted) / wanted).toBeLessThan(0.05);
    }
  });

  test('a server that is killed under load fails no request after it was marked down', async () => {
    const client = load();
    await until('traffic flows', () => client.exchanges.length >= 500);
    const killed = balancer.loadBalancer.backends.get('web')!.serverNamed('one')!;
    await servers.one.kill();
    await until('it is marked down', () => killed.state === 'down');
    const markedDownAt = performance.now();
    const since = (): Exchange[] =>
      client.exchanges.filter(({ startedAtMs }) => startedAtMs > markedDownAt);
    await until('1500 requests come after that', () => since().length >= 1500);
    await client.stop();
    const after = since();
    expect(after.filter(({ body }) => body === undefined)).toEqual([]);
    expect(after.filter(({ body }) => body === 'one')).toEqual([]);
    const shareOfTwo = after.filter(({ body }) => body === 'two').length / after.length;
    expect(Math.abs(shareOfTwo - 2 / 3) / (2 / 3)).toBeLessThan(0.05);
    await until('every connection is closed', () => balancer.plane.open === 0);
  });
});
