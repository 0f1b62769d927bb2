import { ConfigFileError } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { parseLoadBalancerConfig } from '../../src/config/load.ts';

/** Everything wrong with a text, one line each. */
function problemsOf(toml: string): string[] {
  try {
    parseLoadBalancerConfig(toml, 'b.toml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    return error.message.split('\n');
  }
}

const FRONTEND = '[frontends.a]\nlisten_addr = ":3000"\nbackend = "out"\n';
const BACKEND = '[backends.out.servers.server1]\naddr = "127.0.0.1:8080"\n';

describe('a configuration error', () => {
  test.each([
    [
      'a missing backend',
      `[frontends.a]\nlisten_addr = ":3000"\nbackend = "missing"\n${BACKEND.replace('out', 'tcp3000_out')}`,
      'b.toml:3:11: frontends.a.backend: backends has no "missing"; known: tcp3000_out',
    ],
    [
      'a misspelt key',
      `[frontends.a]\nlisten_addr = ":3000"\nlisen_addr = ":3000"\nbackend = "out"\n${BACKEND}`,
      'b.toml:3:1: frontends.a.lisen_addr: unknown key; did you mean "listen_addr"?',
    ],
    [
      'a negative weight',
      `${FRONTEND}${BACKEND}weight = -1\n`,
      'b.toml:6:10: backends.out.servers.server1.weight: must be an integer from 0 to 65535; got -1',
    ],
    [
      'a weight that is too large',
      `${FRONTEND}${BACKEND}weight = 70000\n`,
      'b.toml:6:10: backends.out.servers.server1.weight: must be an integer from 0 to 65535; got 70000',
    ],
    [
      'a server without a port',
      `${FRONTEND}[backends.out.servers.server1]\naddr = "127.0.0.1"\n`,
      'b.toml:5:8: backends.out.servers.server1.addr: needs "host:port"; got "127.0.0.1"',
    ],
    [
      'a health check that cannot be made',
      `${FRONTEND}${BACKEND}[backends.out.health]\npath = "x"\n`,
      'b.toml:7:8: backends.out.health.path: must start with "/" and hold no spaces; got "x"',
    ],
    [
      'statuses that are none, also in [defaults]',
      `[defaults.health]\nstatus = "ok"\n${FRONTEND}${BACKEND}`,
      'b.toml:2:10: defaults.health.status: must be statuses such as "200-399" or "200,204"; got "ok"',
    ],
    [
      'an unknown escape',
      `${FRONTEND}${BACKEND}[backends.out.health]\nsend = '\\q'\n`,
      'b.toml:7:8: backends.out.health.send: unknown escape "\\\\q"; allowed: \\r \\n \\t \\\\ \\xHH',
    ],
    [
      'two servers with one address',
      `${FRONTEND}${BACKEND}[backends.out.servers.server2]\naddr = "127.0.0.1:8080"\n`,
      'b.toml:7:8: backends.out.servers.server2.addr: same address as servers.server1 (line 5)',
    ],
    [
      'two frontends on one address',
      `${FRONTEND}[frontends.b]\nlisten_addr = ":3000"\nbackend = "out"\n${BACKEND}`,
      'b.toml:5:15: frontends.b.listen_addr: address already used by frontends.a (line 2)',
    ],
    [
      'a backend without servers',
      `${FRONTEND}[backends.out]\nbalance = "first"\n`,
      'b.toml:4:11: backends.out: has no servers and no discovery',
    ],
    [
      'proxy_protocol without trusted networks',
      `${FRONTEND}proxy_protocol = "v2"\n${BACKEND}`,
      'b.toml:4:18: frontends.a.proxy_protocol: needs proxy_protocol_trusted (use ["0.0.0.0/0","::/0"] to trust everyone)',
    ],
    [
      'statistics for everybody without a token',
      `${FRONTEND}${BACKEND}[stats]\nlisten_addr = "0.0.0.0:7000"\nallow_remote = true\n`,
      'b.toml:7:15: stats.listen_addr: needs a token on an address that is not loopback',
    ],
    [
      'statistics for everybody by accident',
      `${FRONTEND}${BACKEND}[stats]\nlisten_addr = "0.0.0.0:7000"\ntoken = "t"\n`,
      'b.toml:7:15: stats.listen_addr: needs allow_remote = true; 0.0.0.0:7000 is not a loopback address',
    ],
    [
      'a frontend without an address',
      `[frontends.a]\nbackend = "out"\n${BACKEND}`,
      'b.toml:1:12: frontends.a: listen_addr is required, such as listen_addr = ":3000"',
    ],
    [
      'a frontend without a backend',
      `[frontends.a]\nlisten_addr = ":3000"\n${BACKEND}`,
      'b.toml:1:12: frontends.a: backend is required; known: out',
    ],
    [
      'an exec check without a command',
      `${FRONTEND}${BACKEND}[backends.out.health]\ntype = "exec"\n`,
      'b.toml:7:8: backends.out.health.type: needs health.command, the program to run',
    ],
  ])('names %s with its place', (_name, toml, message) => {
    expect(problemsOf(toml)).toContain(message);
  });

  test('of TOML itself names the place of the first wrong character', () => {
    const [first] = problemsOf('[frontends.a]\nlisten_addr = = ":3000"\n');
    expect(first).toMatch(/^b\.toml:2:15: /);
  });

  test('does not hide others: all are reported in the order of the file', () => {
    const toml = `[frontends.a]
lisen_addr = ":3000"
backend = "missing"
[backends.out.servers.server1]
addr = "127.0.0.1:8080"
weight = -1
`;
    expect(problemsOf(toml).map((line) => line.split(':').slice(1, 3).join(':'))).toEqual([
      '2:1',
      '3:11',
      '6:10',
    ]);
  });

  test("of Convey's broken file is reported twice: a missing backend and an empty one", () => {
    const toml = `[frontends.tcp_3000]
listen_addr = "0.0.0.0:3000"
backend = "missing"
[backends.empty]
health_check_interval = 3
`;
    expect(problemsOf(toml)).toEqual([
      'b.toml:3:11: frontends.tcp_3000.backend: backends has no "missing"; known: empty',
      'b.toml:4:11: backends.empty: has no servers and no discovery',
    ]);
  });
});

describe('a configuration warning', () => {
  test.each([
    [
      'idle_timeout = 0',
      `${FRONTEND}idle_timeout = 0\n${BACKEND}`,
      'b.toml:4:16',
      'idle_timeout = 0',
    ],
    ['all weights 0', `${FRONTEND}${BACKEND}weight = 0\n`, 'b.toml:4:15', 'all weights are 0'],
    [
      'a long connect_timeout',
      `${FRONTEND}[backends.out]\nconnect_timeout = "2m"\n${BACKEND}`,
      'b.toml:5:19',
      'longer than 60 s',
    ],
    [
      'a backend that nobody uses',
      `${FRONTEND}${BACKEND}${BACKEND.replace('out', 'spare')}`,
      'b.toml:6:11',
      'no frontend uses',
    ],
    [
      'a port for statistics',
      `${FRONTEND}${BACKEND}[stats]\nport = "7000"\n`,
      'b.toml:7:8',
      'binds 127.0.0.1',
    ],
  ])('is given for %s', (_name, toml, place, text) => {
    const { warnings } = parseLoadBalancerConfig(toml, 'b.toml');
    expect(warnings).toHaveLength(1);
    const [{ file, line, column, message }] = warnings as [(typeof warnings)[0]];
    expect(`${file}:${line}:${column}`).toBe(place);
    expect(message).toContain(text);
  });
});

describe('a setting that this version cannot follow', () => {
  test.each(['consul', 'kubernetes'])('discovery by %s is refused', (type) => {
    const backend = `[backends.out.discovery]\ntype = "${type}"\nname = "pg"\n`;
    expect(problemsOf(`${FRONTEND}${backend}`)).toEqual([
      'b.toml:5:8: backends.out.discovery.type: discovery by consul or kubernetes is not part of this version; use "dns", "srv", "file" or "http"; both answer DNS',
    ]);
  });
});

test.each(['', '# to be written\n', '[global]\n'])(
  'a file without frontends (%j) is refused',
  (text) => {
    expect(problemsOf(text)).toEqual([
      'b.toml:1:1: has no frontends; needs at least one, such as [frontends.web]',
    ]);
  },
);

describe('several workers', () => {
  const WORKERS = '[global]\nworkers = 4\n';

  test.each([
    ['max_connections = 3', 'frontends.a.max_connections'],
    ['max_connections_per_ip = 1', 'frontends.a.max_connections_per_ip'],
    ['connection_rate = 2', 'frontends.a.connection_rate'],
    ['connection_rate_per_ip = 3', 'frontends.a.connection_rate_per_ip'],
  ])('need a share of %s for each', (limit, key) => {
    expect(problemsOf(`${WORKERS}${FRONTEND}${limit}\n${BACKEND}`).join('\n')).toContain(
      `${key}: is divided among 4 workers: must be 0 or at least 4; got`,
    );
  });

  test('find the limit where it stands: in the defaults, or at a server', () => {
    const defaults = '[defaults]\nmax_connections = 2\n';
    const text = `${WORKERS}${defaults}${FRONTEND}${BACKEND}max_connections = 1\n`;
    const problems = problemsOf(text).join('\n');
    expect(problems).toContain(':4:19: defaults.max_connections: is divided among 4 workers');
    expect(problems).toMatch(/backends\.out\.servers\.server1\.max_connections: is divided/);
  });

  test('cannot keep clients sticky', () => {
    const backend = BACKEND.replace('[', '[backends.out.sticky]\n[');
    expect(problemsOf(`${WORKERS}${FRONTEND}${backend}`).join('\n')).toContain(
      'backends.out.sticky: needs workers = 1',
    );
  });

  test('divide nothing of a UDP frontend, which is one of theirs', () => {
    const udp = 'protocol = "udp"\nmax_connections = 1\n';
    expect(problemsOf(`${WORKERS}${FRONTEND}${udp}${BACKEND}`)).toEqual([]);
  });
});
