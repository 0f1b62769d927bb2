import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { runHere, temporaryFile } from './support.ts';

const GOOD = `[frontends.web]
listen_addr = "127.0.0.1:8080"
backend = "out"
[backends.out.servers.one]
addr = "127.0.0.1:8081"
[backends.out.servers.two]
addr = "127.0.0.1:8082"
`;

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function fileWith(text: string): Promise<string> {
  const { file, remove } = await temporaryFile('config.toml', text);
  cleanups.push(remove);
  return file;
}

describe('check', () => {
  test('says OK and counts what the file has', async () => {
    const file = await fileWith(GOOD);
    expect(await runHere('check', file)).toEqual({
      code: 0,
      stdout: `${file}: OK (1 frontend, 1 backend, 2 servers)\n`,
      stderr: '',
    });
  });

  test('prints every problem and ends with 2', async () => {
    const file = await fileWith(GOOD.replace('"out"', '"missing"').replace('8082"', '8081"'));
    const { code, stdout, stderr } = await runHere('check', file);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      `${file}:3:11: frontends.web.backend: backends has no "missing"; known: out\n` +
        `${file}:7:8: backends.out.servers.two.addr: same address as servers.one (line 5)\n`,
    );
  });

  test('prints warnings and ends with 0', async () => {
    const file = await fileWith(`${GOOD}[backends.spare.servers.x]\naddr = "127.0.0.1:9"\n`);
    const { code, stderr } = await runHere('run', file, '--check');
    expect(code).toBe(0);
    expect(stderr).toBe(`${file}:8:11: backends.spare: no frontend uses this backend (warning)\n`);
  });

  test('prints JSON for programs', async () => {
    const file = await fileWith(GOOD.replace('weight', 'wait').replace(':8080', ''));
    const { code, stdout } = await runHere('check', file, '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ line: 2, column: 15, key: 'frontends.web.listen_addr' }],
      warnings: [],
    });
  });

  test('of a file that is not there ends with 2 and names it', async () => {
    const { code, stderr } = await runHere('check', '/nowhere/config.toml');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^\/nowhere\/config\.toml.*ENOENT/);
  });
});

describe('run', () => {
  test('--print-config prints what --check accepts, with every default', async () => {
    const printed = (await runHere('run', await fileWith(GOOD), '--print-config')).stdout;
    expect(printed).toContain('half_close_timeout = "1m"');
    const file = await fileWith(printed);
    expect((await runHere('check', file)).code).toBe(0);
    expect((await runHere('run', file, '--print-config')).stdout).toBe(printed);
  });

  test('--log-level overrides the file', async () => {
    const file = await fileWith(GOOD);
    const { stdout } = await runHere('proxy', '-c', file, '--print-config', '--log-level', 'debug');
    expect(stdout).toContain('level = "debug"');
  });

  test('--workers must leave every limit a share for each worker', async () => {
    const limited = GOOD.replace('backend = "out"', 'backend = "out"\nmax_connections_per_ip = 3');
    const { code, stderr } = await runHere('run', await fileWith(limited), '--workers', '4');
    expect(code).toBe(2);
    expect(stderr).toContain('max_connections_per_ip is divided among 4 workers');
  });

  test('refuses a broken file before anything is bound', async () => {
    const file = await fileWith(GOOD.replace('8081', '99999'));
    const { code, stderr } = await runHere('run', file);
    expect(code).toBe(2);
    expect(stderr).toContain(':5:8: backends.out.servers.one.addr: port must be');
  });
});

describe('demo', () => {
  test('names the port that is in use and the option for another', async () => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    cleanups.push(async () => taken.close());
    expect(await runHere('demo', '--port', String(port))).toEqual({
      code: 1,
      stdout: '',
      stderr: `balancer: port ${port} is in use by another program; choose another with --port <port>, or 0 for any free one\n`,
    });
  });

  test('refuses one port for two listeners', async () => {
    const { code, stderr } = await runHere('demo', '--port', '7000');
    expect([code, stderr]).toEqual([2, 'balancer: --port and --stats-port must differ\n']);
  });
});

describe('usage', () => {
  test('an unknown option ends with 2 and is named on stderr', async () => {
    const { code, stdout, stderr } = await runHere('run', '--chek');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain("unknown option '--chek'");
    expect(stderr).toContain('Did you mean --check?');
  });

  test('a port out of range ends with 2', async () => {
    const { code, stderr } = await runHere('demo', '--port', '70000');
    expect(code).toBe(2);
    expect(stderr).toContain('needs a port from 0 to 65535');
  });

  test.each([
    [],
    ['run'],
    ['check'],
    ['reload'],
    ['drain'],
    ['weight'],
    ['stats'],
    ['top'],
    ['demo'],
    ['pools'],
    ['pools', 'quote'],
    ['pools', 'spot'],
    ['pools', 'join'],
    ['pools', 'exit'],
    ['pools', 'trace'],
    ['pools', 'verify'],
    ['completion'],
    ['man'],
    ['schema'],
    ['version'],
  ])('%s --help shows an example on stdout', async (...command) => {
    const { code, stdout, stderr } = await runHere(...command, '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Examples?:\n {2}\$ .*balancer /);
  });

  test('version prints the version, or JSON', async () => {
    expect((await runHere('version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await runHere('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { stdout } = await runHere('version', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ node: process.versions.node });
  });
});
