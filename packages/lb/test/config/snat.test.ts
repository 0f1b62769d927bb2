/** Frontends of mode `snat`: what they may say, and what is said about the rest. */
import { ConfigFileError } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { formatLoadBalancerConfig, parseLoadBalancerConfig } from '../../src/config/load.ts';

/** A gateway, with other lines in the places that a test names. */
function file({
  match = 'src_range = "10.0.0.0/8"',
  frontend = '',
  pool = '',
  addr = '203.0.113.7',
  more = '',
} = {}): string {
  return `[l4]
interfaces = ["eth0", "eth1"]
[frontends.out]
mode = "snat"
backend = "wan"
${frontend}
[frontends.out.l4.match]
${match}
[backends.wan]
${pool}
servers.a = { addr = "${addr}", weight = 2 }
${more}`;
}

function problemsOf(toml: string): string {
  try {
    parseLoadBalancerConfig(toml, 'b.toml');
    return '';
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    return error.message;
  }
}

describe('a frontend of mode snat', () => {
  test.each([
    {},
    { match: '' },
    { match: 'proto = "udp"\nsrc_range = "10.0.0.1-10.0.0.9:1-1024"\niif = "eth0"\noif = "eth1"' },
    { match: 'proto = ["tcp", "udp"]\ndst_range = "[2001:db8::1-2001:db8::9]:443"' },
    { addr: '2001:db8::7' },
  ])('may have %j', (given) => {
    expect(problemsOf(file(given))).toBe('');
  });

  test('needs no checks of its own addresses, and is read again as it is written', () => {
    const { config } = parseLoadBalancerConfig(file({ match: 'proto = "icmp"' }), 'b.toml');
    expect(config.backends['wan']).toMatchObject({
      health_check_interval: 0,
      servers: { a: { addr: { kind: 'inet', host: '203.0.113.7', port: 0 }, weight: 2 } },
    });
    expect(config.frontends['out']?.l4.match.proto).toEqual(['icmp']);
    const again = parseLoadBalancerConfig(formatLoadBalancerConfig(config), 'again.toml');
    expect(again.config).toEqual(config);
  });

  test.each([
    [
      { frontend: 'listen_addr = ":80"' },
      'b.toml:6:15: frontends.out.listen_addr: mode "snat" takes packets by l4.match',
    ],
    [
      { frontend: 'protocol = "udp"' },
      'b.toml:6:12: frontends.out.protocol: mode "snat" has its protocols in l4.match.proto',
    ],
    [
      { match: 'src_range = "10.0.0.0/40"' },
      'b.toml:8:13: frontends.out.l4.match.src_range: needs addresses such as',
    ],
    [
      { match: 'src_range = "10.0.0.9-10.0.0.1"' },
      'frontends.out.l4.match.src_range: must ascend; got "10.0.0.9-10.0.0.1"',
    ],
    [
      { match: 'dst_range = ":443"' },
      'frontends.out.l4.match.dst_range: has ports, which ICMP has not',
    ],
    [
      { match: 'proto = "tcp"\nsrc_range = "10.0.0.0/8"\ndst_range = "2001:db8::/32"' },
      'b.toml:10:13: frontends.out.l4.match.dst_range: is of another family than src_range',
    ],
    [{ match: 'proto = "sctp"' }, 'b.toml:8:9: frontends.out.l4.match.proto: '],
    [
      { match: 'oif = "eth7"' },
      'b.toml:8:7: frontends.out.l4.match.oif: eth7 is none of l4.interfaces',
    ],
    [
      { match: 'oif = "a b"' },
      'frontends.out.l4.match.oif: needs the name of an interface such as "eth0"; got "a b"',
    ],
    [
      { addr: '203.0.113.7:80' },
      'backends.wan.servers.a.addr: frontends.out of mode "snat" needs an address without a port; got "203.0.113.7:80"',
    ],
    [
      { pool: 'health_check_interval = "1s"' },
      'backends.wan.health_check_interval: must be 0: the addresses of a pool are those of this host',
    ],
    [
      { pool: 'sorry_server = "203.0.113.9:1"' },
      'backends.wan.sorry_server: frontends.out of mode "snat" has none',
    ],
    [
      { frontend: 'l4.local_addresses = ["198.51.100.5"]' },
      'mode "snat" has no local addresses; remove the key',
    ],
    [
      { more: '[frontends.web]\nlisten_addr = ":80"\nbackend = "wan"' },
      'frontends.web.backend: wan is a pool of mode "snat"; mode "proxy" needs servers of its own',
    ],
    [
      {
        more: '[frontends.web]\nmode = "dr"\nlisten_addr = "203.0.113.7:80"\nbackend = "w"\n[backends.w.servers.a]\naddr = "10.0.0.1:80"',
      },
      'backends.wan.servers.a.addr: 203.0.113.7 is the address of a service; take another one, or set l4.force = true in frontends.out',
    ],
    [
      {
        frontend: 'l4.force = true',
        more: '[frontends.web]\nmode = "dr"\nlisten_addr = "203.0.113.7:8080"\nbackend = "w"\n[backends.w.servers.a]\naddr = "10.0.0.1:8080"',
      },
      'backends.wan.servers.a.addr: ports 1025-65535 contain the port 8080 of a service there',
    ],
  ])('may not have %j', (given, message) => {
    expect(problemsOf(file(given))).toContain(message);
  });

  test('is the only one with a match, or with servers that have no port', () => {
    const web = (more: string): string =>
      `[l4]\ninterfaces = ["eth0"]\n[frontends.web]\nmode = "nat"\nlisten_addr = "203.0.113.1:80"\nbackend = "web"\n${more}`;
    expect(
      problemsOf(web('l4.match.oif = "eth0"\n[backends.web.servers.a]\naddr = "10.0.0.1:80"')),
    ).toContain('frontends.web.l4.match: mode "nat" has no match; remove the key');
    expect(problemsOf(web('[backends.web.servers.a]\naddr = "10.0.0.1"'))).toContain(
      'backends.web.servers.a.addr: needs "host:port"; got "10.0.0.1"',
    );
    expect(
      problemsOf(
        '[frontends.a]\nlisten_addr = []\nbackend = "b"\n[backends.b.servers.a]\naddr = "h:1"',
      ),
    ).toContain('frontends.a.listen_addr: needs at least one address');
  });
});
