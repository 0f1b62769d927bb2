import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import type { Service } from '../src/service.ts';
import { startService } from './service-fixture.ts';
import { runHere } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- in reverse order of creation
    await cleanup();
  }
});

function configOf(adminPort: number): string {
  return `[global]
log = { level = "fatal" }
[frontends.web]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:9"
[stats]
listen_addr = "127.0.0.1:${adminPort}"
token = "s3cret"
`;
}

describe('a command to a running load balancer', () => {
  let file: string;
  let service: Service;

  beforeEach(async () => {
    const started = await startService(configOf(await freePort()));
    ({ service, file } = started);
    cleanups.push(started.stop);
  });

  test('stats prints tables, or JSON', async () => {
    const { code, stdout } = await runHere('stats', '--config', file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/FRONTEND +LISTENS ON +OPEN/);
    expect(stdout).toMatch(/one +127\.0\.0\.1:9 +up +1 +0 +0 +– +0 +none/);
    const json = await runHere('stats', '-c', file, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      frontends: { web: { current_connections: 0 } },
    });
  });

  test('top prints once off a terminal, with rates', async () => {
    const { code, stdout } = await runHere('top', '-c', file, '--interval', '0.1');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^balancer .* 1 of 1 servers up\n0 new\/s {3}0 open {3}0 B\/s to servers/,
    );
    expect(stdout).toMatch(/^out\/one +up +0 +0 +0 B +0 B none$/m);
  });

  test('reload says whether anything changed, and what is wrong with the file', async () => {
    expect((await runHere('reload', '-c', file)).stdout).toBe('nothing has changed\n');
    const good = await readFile(file, 'utf8');
    await writeFile(file, good.replace('"web"', '"x"').replace(':9"', ':10"'));
    expect((await runHere('reload', '-c', file)).stdout).toBe('reloaded\n');
    expect(service.loadBalancer.backends.get('out')!.servers[0]!.address).toBe('127.0.0.1:10');
    const admin = /127\.0\.0\.1:\d{3,}/.exec(good)![0];
    await writeFile(file, good.replace(':9"', ':99999"'));
    const refused = await runHere('reload', '--url', `http://${admin}/`, '--token', 's3cret');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(':9:8: backends.out.servers.one.addr: port must be');
  });

  test('drain takes a server out of the rotation and back', async () => {
    const [server] = service.loadBalancer.backends.get('out')!.servers;
    expect((await runHere('drain', 'out/one', '-c', file)).stdout).toBe('out/one: drain\n');
    expect(server!.state).toBe('drain');
    await runHere('drain', 'out/one', '-c', file, '--ready');
    expect(server!.state).toBe('up');
    const unknown = await runHere('drain', 'out/two', '-c', file);
    expect([unknown.code, unknown.stderr]).toEqual([1, 'balancer: no server "two"; known: one\n']);
    expect((await runHere('drain', 'one', '-c', file)).code).toBe(2);
  });

  test('drain --wait waits for the connections of a server, and says when that takes too long', async () => {
    const [server] = service.loadBalancer.backends.get('out')!.servers;
    server!.counters.opened();
    server!.counters.opened();
    const late = await runHere('drain', 'out/one', '-c', file, '--wait', '0.1');
    expect([late.code, late.stderr]).toEqual([
      1,
      'balancer: out/one still has 2 open connections after 0.1 s; the order stands\n',
    ]);
    expect(server!.state).toBe('drain');
    server!.counters.closed();
    server!.counters.closed();
    const done = await runHere('drain', 'out/one', '-c', file, '--wait', '60', '--json');
    expect(JSON.parse(done.stdout)).toMatchObject({ server: '127.0.0.1:9', state: 'drain' });
    const back = await runHere('drain', 'out/one', '-c', file, '--ready', '--wait', '60');
    expect(back.stdout).toBe('out/one: ready\n');
  });

  test('weight changes the share of a server', async () => {
    const [server] = service.loadBalancer.backends.get('out')!.servers;
    expect((await runHere('weight', 'out/one', '7', '-c', file)).stdout).toBe(
      'out/one: weight 7\n',
    );
    expect(server!.weight).toBe(7);
    const { stdout } = await runHere('weight', 'out/one', '0', '-c', file, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ server: '127.0.0.1:9', weight: 0 });
    const refused = await runHere('weight', 'out/one', '65536', '-c', file);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('needs a number from 0 to 65535.');
  });

  test('reload and its outcome as JSON', async () => {
    const { stdout } = await runHere('reload', '-c', file, '--json');
    expect(JSON.parse(stdout)).toEqual({ outcome: 'unchanged' });
  });

  test('the completions learn the servers, from an unfinished line too', async () => {
    expect((await runHere('complete-servers', '-c', file)).stdout).toBe('out/one\n');
    expect((await runHere('complete-servers', '--config', file, '--ready', 'x')).stdout).toBe(
      'out/one\n',
    );
  });

  test('without the token is refused', async () => {
    const admin = /127\.0\.0\.1:\d{3,}/.exec(await readFile(file, 'utf8'))![0];
    const { code, stderr } = await runHere('reload', '--url', `http://${admin}/`);
    expect(code).toBe(1);
    expect(stderr).toContain('Authorization: Bearer');
    expect(stderr).toContain('it comes from --config <file>, --token or BALANCER_TOKEN');
  });
});

test('a command to nobody says so', async () => {
  const { code, stderr } = await runHere('stats', '--url', `127.0.0.1:${await freePort()}`);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /cannot reach 127\.0\.0\.1:\d+: nothing listens there; is the load balancer running\?/,
  );
});
