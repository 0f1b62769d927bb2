/** The gateway as operators run it: a process, its commands, and what survives it. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../src/program.ts';
import { type Captured, type Running, startProcessWith, until } from './support.ts';

const SECRET = 'front-end-secret';

let folder: string;
let fake: FakeBbb;
let environment: Record<string, string>;
const started: Running[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'balancer-cli-bbb-'));
  fake = await FakeBbb.start();
  environment = {
    BALANCER_BBB_DATA_DIR: folder,
    BALANCER_BBB_BIND: '127.0.0.1',
    BALANCER_BBB_PORT: '0',
    BALANCER_BBB_ADMIN_PORT: '0',
    // A machine that stalls must not take the server for dead.
    BALANCER_BBB_CONNECT_TIMEOUT: '300s',
    BALANCER_BBB_RESPONSE_TIMEOUT: '300s',
    LOADBALANCER_SECRET: SECRET,
  };
});
afterEach(async () => {
  for (const running of started.splice(0)) await running.end('SIGKILL');
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command of the gateway in this process. */
async function bbb(...args: readonly string[]): Promise<Captured> {
  return bbbWith({}, ...args);
}

interface Surroundings {
  readonly input?: string;
  readonly signals?: EventEmitter;
  /** Told of what is printed. */
  readonly onOutput?: (text: string) => void;
}

async function bbbWith(
  { input = '', signals = new EventEmitter(), onOutput = () => {} }: Surroundings,
  ...args: readonly string[]
): Promise<Captured> {
  const output = { stdout: '', stderr: '' };
  const stdin = new PassThrough();
  stdin.end(input);
  const code = await main(['bbb', ...args], {
    stdout: {
      write: (text) => {
        output.stdout += text;
        onOutput(text);
      },
    },
    stderr: { write: (text) => void (output.stderr += text) },
    stdin: stdin as unknown as NodeJS.ReadStream,
    environment,
    signals,
  });
  return { code, ...output };
}

/** Starts a gateway as a process of its own. */
async function startGateway(): Promise<{ running: Running; api: string }> {
  const running = startProcessWith({ environment }, 'bbb', 'run');
  started.push(running);
  const [, port] = await running.says(/"publicPort":(\d+)/);
  return { running, api: `http://127.0.0.1:${port}/bigbluebutton/api` };
}

async function call(
  api: string,
  name: string,
  query: string,
  secret: string = SECRET,
): Promise<Response> {
  const signed = signedQuery({ call: name, query, secret });
  return fetch(`${api}/${name}?${signed}`, { redirect: 'manual' });
}

async function json(...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await bbb(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('commands without a running gateway', () => {
  test('work on the data themselves', async () => {
    const added = await bbb(
      'servers',
      'add',
      fake.url,
      fake.secret,
      '--id',
      'bbb1',
      '--tag',
      'gpu',
    );
    expect(added).toEqual({ code: 0, stdout: 'bbb1\n', stderr: '' });
    expect((await bbb('servers', 'tag', 'bbb1')).code).toBe(0);
    expect((await bbb('servers', 'multiplier', 'bbb1', '2.5')).code).toBe(0);
    expect((await bbb('servers', 'enable', 'bbb1')).stdout).toBe('bbb1: enabled\n');
    expect((await bbb('poll', 'once')).stdout).toMatch(/^polled 1, failed 0, in [\d.]+ s\n$/);
    expect(await json('servers', 'list')).toMatchObject([
      {
        id: 'bbb1',
        state: 'enabled',
        online: true,
        load: 0,
        multiplier: 2.5,
        tag: '',
        secret: '***',
      },
    ]);
    const { stdout } = await bbb('status');
    expect(stdout).toMatch(
      /^HOSTNAME {3}STATE {4}STATUS  MEETINGS.*\n127\.0\.0\.1  enabled  online  0 /,
    );
    expect((await bbb('live')).stdout).toBe('success\n');
  });

  test('refuse what is wrong and say why', async () => {
    const bad = await bbb('servers', 'add', 'nonsense', 'secret');
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('url: needs an address')]);
    expect((await bbb('servers', 'enable', 'nobody')).stderr).toContain(
      'there is no server nobody',
    );
    expect((await bbb('servers', 'multiplier', 'x', 'y')).code).toBe(2);
    environment['BALANCER_BBB_PROT'] = '1';
    const unknown = await bbb('status');
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('BALANCER_BBB_PROT: unknown'),
    ]);
  });

  test('keep tenants and their settings', async () => {
    await bbb('tenants', 'add', 'school-a', 's1:s2', '--max-meetings', '5');
    await bbb('tenants', 'lrs-basic', 'school-a', 'https://lrs', 'u', 'p');
    await bbb(
      'tenants',
      'lrs-keycloak',
      'school-a',
      'https://lrs2',
      'https://sso',
      'c',
      's',
      'u',
      'p',
    );
    await bbb('tenants', 'update', 'school-a', '--max-users', '7');
    expect(await json('tenants', 'list')).toMatchObject([
      { name: 'school-a', secrets: 2, max_meetings: 5, max_users: 7, lrs_endpoint: 'https://lrs2' },
    ]);
    const added = await bbb('tenant-settings', 'add', 'school-a', 'record', 'false', '--override');
    expect(await json('tenant-settings', 'list', 'school-a')).toMatchObject([
      { id: added.stdout.trim(), param: 'record', value: 'false', is_override: 1 },
    ]);
    await bbb('tenant-settings', 'remove', added.stdout.trim());
    expect((await bbb('tenants', 'remove', 'school-a')).stdout).toBe('school-a: removed\n');
    expect(await json('tenants', 'list')).toEqual([]);
  });
});

describe('the pool as a file', () => {
  test('is imported, synchronized and exported', async () => {
    const file = join(folder, 'list.yml');
    writeFileSync(file, `servers:\n  - url: ${fake.url}\n    secret: ${fake.secret}\n`);
    const imported = await bbb('servers', 'import', file);
    expect(imported.stdout).toMatch(/add {5}http:.*disabled/);
    expect(imported.stderr).toContain('importing: 1 of 1');
    const [{ id }] = (await json('servers', 'list')) as [{ id: string }];
    const exported = (await bbb('servers', 'export')).stdout;
    const text = exported.replace('enabled: false', 'enabled: true');
    const dry = await bbbWith({ input: text }, 'servers', 'sync', '-', '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('enable  was disabled')]);
    expect(await json('servers', 'list')).toMatchObject([{ state: 'disabled' }]);
    expect((await bbbWith({ input: text }, 'servers', 'sync', '-')).code).toBe(0);
    expect(await json('servers', 'list')).toMatchObject([{ id, state: 'enabled' }]);
    expect((await bbbWith({ input: text }, 'servers', 'sync', '-')).stdout).toBe(
      'nothing to change\n',
    );
    expect(await json('servers', 'export')).toMatchObject({ servers: { [id]: { enabled: true } } });
    const bad = await bbbWith({ input: 'servers:\n  x: {}\n' }, 'servers', 'sync', '-');
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('-:2:3: servers.x')]);
  });

  test('is emptied by force only after a yes', async () => {
    const { running, api } = await startGateway();
    await bbb('servers', 'add', fake.url, fake.secret, '--id', 'bbb1', '--enable');
    await bbb('poll', 'once');
    await call(api, 'create', 'name=x&meetingID=m1');
    const force = ['servers', 'sync', '-', '--mode', 'force'];
    const unsure = await bbbWith({ input: 'servers: {}\n' }, ...force);
    expect([unsure.code, unsure.stderr]).toEqual([
      2,
      expect.stringContaining('Meetings of bbb1 will end. Give --yes'),
    ]);
    expect(fake.meetings.size).toBe(1);
    const sure = await bbbWith({ input: 'servers: {}\n' }, ...force, '--yes');
    expect(sure.stdout).toContain('bbb1    end-meetings  1 meetings\nbbb1    remove');
    expect(fake.meetings.size).toBe(0);
    expect(await running.end('SIGTERM')).toBe(0);
  });
});

describe('tokens, configuration and polls', () => {
  test('a token opens the REST API until it is revoked', async () => {
    environment['BALANCER_BBB_SCALELITE_API'] = 'true';
    const { running } = await startGateway();
    const [, port] = await running.says(/"adminPort":(\d+)/);
    const made = await bbb('token', 'create', '--role', 'admin', '--name', 'Ada');
    const token = made.stdout.trim();
    const ask = async (): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/api/v1/config`, {
        headers: { authorization: `Bearer ${token}` },
      });
    expect(await (await ask()).json()).toMatchObject({ scalelite_api: true, secrets: ['***'] });
    environment['BALANCER_BBB_SCALELITE_API'] = 'maybe';
    const [{ id }] = (await json('token', 'list')) as [{ id: string }];
    expect((await bbb('token', 'revoke', id)).stdout).toBe(`${id}: revoked\n`);
    expect((await ask()).status).toBe(401);
    expect((await bbb('token', 'create')).code).toBe(2);
    expect((await bbb('config', 'reload')).stdout).toBe('configuration: reloaded\n');
    expect(await running.end('SIGTERM')).toBe(0);
    expect((await bbb('config', 'reload')).stderr).toContain('no gateway is running here');
  });

  test('the configuration is checked and shown without its secrets', async () => {
    const file = join(folder, 'gateway.toml');
    writeFileSync(file, '[bbb]\nport = 70000\nsped = 1\n');
    const bad = await bbb('config', 'check', '--config', file);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining(`${file}:2:8: bbb.port`)]);
    expect(bad.stderr).toContain(`${file}:3:1: bbb.sped`);
    writeFileSync(file, '[bbb]\nurl_host = "meet.example.com"\n');
    environment['WEB_CONCURRENCY'] = '4';
    const good = await bbb('config', 'check', '--config', file);
    expect(good).toEqual({
      code: 0,
      stdout: `${file}: OK\n`,
      stderr: 'WEB_CONCURRENCY is accepted and not used (warning)\n',
    });
    environment['DATABASE_URL'] = 'postgres://gateway:hidden@db/gateway';
    const { stdout } = await bbb('config', 'show', '--config', file);
    expect(stdout).toContain('url_host = "meet.example.com"');
    expect(stdout).toContain('postgres://gateway:***@db/gateway');
    expect(stdout).not.toMatch(/hidden|front-end-secret/);
    delete environment['DATABASE_URL'];
    expect(await json('config', 'print')).toMatchObject({ secrets: ['***'], port: 0 });
    environment['BALANCER_BBB_PORT'] = 'x';
    const { code, stdout: text } = await bbb('config', 'check', '--json');
    expect([code, JSON.parse(text)]).toMatchObject([2, { ok: false }]);
  });

  test('polls look at what they are told to, once or until Ctrl-C', async () => {
    await bbb('servers', 'add', fake.url, fake.secret, '--id', 'bbb1', '--enable');
    fake.setVersion('3.0.1');
    expect(await json('poll', 'servers')).toMatchObject({ serverCount: 1, failureCount: 0 });
    expect(await json('servers', 'list')).toMatchObject([{ online: true, bbb_version: '' }]);
    expect((await bbb('poll', 'versions', 'bbb1')).code).toBe(0);
    expect(await json('servers', 'list')).toMatchObject([{ bbb_version: '3.0.1' }]);
    expect((await bbb('poll', 'meetings')).stdout).toContain('polled 1');
    const signals = new EventEmitter();
    let rounds = 0;
    const onOutput = (): void => {
      if (++rounds === 3) signals.emit('SIGINT');
    };
    const ended = await bbbWith({ signals, onOutput }, 'poll', '--interval', '0.1');
    expect([ended.code, rounds]).toEqual([0, 3]);
    expect(signals.listenerCount('SIGINT')).toBe(0);
  });
});

describe('migrate-from-scalelite', () => {
  test('says what it needs, and names a source that does not answer', async () => {
    const nothing = await bbb('migrate-from-scalelite');
    expect([nothing.code, nothing.stderr]).toEqual([
      2,
      expect.stringContaining('needs --redis-url, or --recordings-only'),
    ]);
    const half = await bbb('migrate-from-scalelite', '--recordings-only');
    expect([half.code, half.stderr]).toEqual([2, expect.stringContaining('--database-url')]);
    const away = await bbb('migrate-from-scalelite', '--redis-url', 'redis://127.0.0.1:1');
    expect([away.code, away.stderr]).toEqual([
      1,
      expect.stringContaining("cannot reach Scalelite's Redis"),
    ]);
  });
});

describe('a running gateway', () => {
  test('serves, takes orders through its socket, and asks before meetings end', async () => {
    const { running, api } = await startGateway();
    await bbb('servers', 'add', fake.url, fake.secret, '--id', 'bbb1', '--enable');
    await bbb('poll', 'once');
    expect(
      await (await call(api, 'create', 'name=x&meetingID=m1&moderatorPW=mp')).text(),
    ).toContain('SUCCESS');
    expect(await json('meetings', 'list')).toMatchObject([{ meeting_id: 'm1', server_id: 'bbb1' }]);
    expect((await bbb('meetings', 'info', 'm1')).stdout).toContain('m1       bbb1    active');
    const unsure = await bbb('servers', 'disable', 'bbb1');
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('Give --yes')]);
    expect((await bbb('meetings', 'end', 'm1', '--yes')).stdout).toBe('m1: ended\n');
    expect(fake.meetings.size).toBe(0);
    await call(api, 'create', 'name=x&meetingID=m2');
    expect((await bbb('servers', 'disable', 'bbb1', '--yes')).stdout).toBe(
      'bbb1: 1 meetings dropped\nbbb1: disabled\n',
    );
    expect((await bbb('servers', 'remove', 'bbb1')).stdout).toBe('bbb1: removed\n');
    running.child.kill('SIGHUP');
    await running.says(/configuration reloaded/);
    expect((await call(api, 'getMeetings', '')).status).toBe(200);
    expect(await running.end('SIGTERM')).toBe(0);
  });

  test('127, 128: has its data for itself, and after a kill all that it answered', async () => {
    delete environment['LOADBALANCER_SECRET'];
    const first = await startGateway();
    const [, secret = ''] = await first.running.says(/kept with the data: ([0-9a-f]{64})/);
    await bbb('servers', 'add', fake.url, fake.secret, '--id', 'bbb1', '--enable');
    await bbb('poll', 'once');
    const second = startProcessWith({ environment }, 'bbb', 'run');
    started.push(second);
    expect(await second.end()).toBe(3);
    // Its last words may be read after its end is known.
    await until('it says why', () =>
      second.output().stderr.includes(`${folder}: another process is using this data directory`),
    );

    await call(first.api, 'create', 'name=x&meetingID=m1', secret);
    await first.running.end('SIGKILL');
    const third = await startGateway();
    expect(third.running.output().stderr).not.toContain('API secret');
    const joined = await call(third.api, 'join', 'meetingID=m1&fullName=A&role=VIEWER', secret);
    expect(joined.status).toBe(302);
    const followed = await fetch(joined.headers.get('location')!, { redirect: 'manual' });
    expect(followed.status).toBe(302);
    expect(await json('servers', 'list')).toMatchObject([{ id: 'bbb1', state: 'enabled' }]);
    expect(await third.running.end('SIGTERM')).toBe(0);
  });
});
