import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigFileError } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { readAddressSets } from '../../src/config/l4-sets.ts';
import { formatLoadBalancerConfig, parseLoadBalancerConfig } from '../../src/config/load.ts';

/** A full NAT in ten lines, with other lines in the places that a test names. */
function file(
  given: {
    readonly l4?: string;
    readonly listen?: string;
    readonly mode?: string;
    readonly frontend?: string;
    readonly nat?: string;
    readonly backend?: string;
    readonly server?: string;
    readonly more?: string;
  } = {},
): string {
  return `${given.l4 ?? '[l4]\ninterfaces = ["eth0"]'}
[frontends.web]
listen_addr = "${given.listen ?? '203.0.113.1:80'}"
mode = "${given.mode ?? 'fnat'}"
backend = "web"
${given.frontend ?? ''}
${given.nat ?? 'l4 = { local_addresses = ["198.51.100.5"] }'}
[backends.web]
${given.backend ?? ''}
[backends.web.servers.a]
addr = "${given.server ?? '10.0.0.11:8080'}"
${given.more ?? ''}
`;
}

function problemsOf(toml: string): string[] {
  try {
    parseLoadBalancerConfig(toml, 'b.toml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    return error.message.split('\n');
  }
}

describe('a frontend of a packet mode', () => {
  test.each([
    ['fnat', {}],
    ['nat64', { listen: '[2001:db8:f::1]:80' }],
    [
      'nat64',
      {
        listen: '[2001:db8:f::1]:80',
        nat: 'l4 = { local_addresses = ["198.51.100.5"], toa = true, synproxy = "server-first" }',
      },
    ],
    ['nat', { nat: '' }],
    ['passthrough', { nat: '' }],
    ['dr', { nat: '', server: '10.0.0.11:80' }],
    ['dsr', { nat: '' }],
    ['dsr', { nat: 'dsr_rewrite = "mac"', server: '10.0.0.11:80' }],
    [
      'tunnel',
      {
        nat: '',
        server: '10.0.0.11:80',
        l4: '[l4]\ninterfaces = ["eth0"]\ntunnel_source = ["10.0.0.2"]',
      },
    ],
    [
      'tunnel',
      {
        nat: '',
        server: '[2001:db8::11]:80',
        l4: '[l4]\ninterfaces = ["eth0"]\ntunnel_source = "rss"',
      },
    ],
    [
      'fnat',
      {
        listen: '203.0.113.1:0',
        nat: 'l4 = { local_addresses = ["198.51.100.5"], persistence = "5m" }',
      },
    ],
  ])('may have mode %s', (mode, given) => {
    expect(problemsOf(file({ ...given, mode }))).toEqual([]);
  });

  test('may limit connections of a frontend and of its servers', () => {
    const toml = file({ nat: 'max_connections = 9\nl4 = { local_addresses = ["198.51.100.5"] }' });
    const limited = toml.replace(
      '[backends.web.servers.a]\n',
      '[backends.web.servers.a]\nmax_connections = 5\nmin_connections = 4\n',
    );
    expect(limited).not.toBe(toml);
    expect(problemsOf(limited)).toEqual([]);
    expect(
      problemsOf(limited.replace('min_connections = 4', 'min_connections = 6')).join(),
    ).toContain(
      'backends.web.servers.a.min_connections: must be at most max_connections, which is 5; got 6',
    );
  });

  test('may have lists of clients with named sets, and rates', () => {
    const toml = file({
      l4: '[l4]\ninterfaces = ["eth0"]\n[l4.sets.office]\nentries = ["192.0.2.0/24", "2001:db8::/32"]',
      frontend:
        'allow = ["office", "10.0.0.1"]\nmax_connections_per_ip = 5\nconnection_rate = 100\nconnection_rate_per_ip = 9',
      nat: 'l4 = { local_addresses = ["198.51.100.5"], rate = { pps = 1000, bps = 10_000_000_000, burst = "500ms" } }',
    });
    const { config } = parseLoadBalancerConfig(toml, 'b.toml');
    expect(config.frontends['web']).toMatchObject({
      allow: ['office', '10.0.0.1'],
      l4: { rate: { pps: 1000, bps: 10_000_000_000, burst: 500 } },
    });
    expect([...readAddressSets(config.l4!.sets)]).toEqual([
      ['office', ['192.0.2.0/24', '2001:db8::/32']],
    ]);
  });

  test('may answer SYNs in place of servers, with keys of a secret', () => {
    const nat = 'l4 = { local_addresses = ["198.51.100.5"], synproxy = "server-first" }';
    const toml = file({ nat }).replace('[l4]\n', '[l4]\ncookie_secret = "of all nodes"\n');
    const { config } = parseLoadBalancerConfig(toml, 'b.toml');
    expect(config.frontends['web']?.l4.synproxy).toBe('server-first');
    expect(config.l4?.cookie_secret?.reveal()).toBe('of all nodes');
  });

  test.each([
    [
      { nat: 'l4 = { synproxy = "client-first" }', mode: 'dr', server: '10.0.0.11:80' },
      'frontends.web.l4.synproxy: needs mode "fnat", "nat" or "nat64", in which replies come back through Balancer; got "dr"',
    ],
    [
      {
        nat: 'l4 = { local_addresses = ["198.51.100.5"], synproxy = "client-first" }',
        frontend: 'protocol = "udp"',
      },
      'frontends.web.l4.synproxy: needs protocol "tcp": datagrams have no handshake',
    ],
  ])('answer no SYNs where nothing comes back: %j', (parts, problem) => {
    expect(problemsOf(file(parts)).join('\n')).toContain(problem);
  });

  test('may tell servers who the client is', () => {
    for (const nat of ['toa = true', 'proxy_protocol = "v2"']) {
      const nested = `l4 = { local_addresses = ["198.51.100.5"], ${nat} }`;
      expect(problemsOf(file({ nat: nested }))).toEqual([]);
      expect(problemsOf(file({ nat: `l4 = { ${nat} }`, mode: 'passthrough' }))).toEqual([]);
    }
    expect(problemsOf(file({ backend: 'send_proxy_protocol = "v2"' }))).toEqual([]);
  });

  test.each([
    [
      { nat: 'l4 = { local_addresses = ["198.51.100.5"], toa = true, proxy_protocol = "v2" }' },
      "frontends.web.l4.toa: conflicts with proxy_protocol: servers are told the client's address in one way",
    ],
    [
      {
        nat: 'l4 = { local_addresses = ["198.51.100.5"], toa = true }',
        backend: 'send_proxy_protocol = "v2"',
      },
      "frontends.web.l4.toa: conflicts with send_proxy_protocol: servers are told the client's address in one way",
    ],
    [
      { nat: 'l4 = { toa = true }', mode: 'nat' },
      'frontends.web.l4.toa: servers see clients themselves in mode "nat" of frontends.web; remove the key',
    ],
    [
      { nat: 'l4 = { proxy_protocol = "v2" }', mode: 'dr', server: '10.0.0.11:80' },
      'frontends.web.l4.proxy_protocol: servers see clients themselves in mode "dr" of frontends.web; remove the key',
    ],
    [
      {
        nat: 'l4 = { local_addresses = ["198.51.100.5"], proxy_protocol = "v2" }',
        frontend: 'protocol = "udp"',
      },
      'frontends.web.l4.proxy_protocol: needs protocol "tcp": datagrams do not begin with a header',
    ],
    [
      { backend: 'send_proxy_protocol = "v1"' },
      'backends.web.send_proxy_protocol: mode "fnat" of frontends.web has version "v2" alone',
    ],
  ])(
    'tells servers who the client is in one way, where they do not see it: %j',
    (given, problem) => {
      expect(problemsOf(file(given)).join('\n')).toContain(problem);
    },
  );

  test('reads sets from files, and says which line is no network', () => {
    const folder = mkdtempSync(join(tmpdir(), 'balancer-sets-'));
    const path = join(folder, 'office');
    const set = { entries: ['10.0.0.0/8'], file: path };
    try {
      writeFileSync(path, '# office\n192.0.2.0/24\n\n2001:db8::1 # printer\n');
      const sets = readAddressSets({ office: set });
      expect(sets.get('office')).toEqual(['10.0.0.0/8', '192.0.2.0/24', '2001:db8::1']);
      writeFileSync(path, '192.0.2.0/24\nprinter\n');
      expect(() => readAddressSets({ office: set })).toThrow(
        `${path}:2: needs an address or a network such as "10.0.0.0/8"; got "printer"`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('only a packet mode may name a set', () => {
    const problems = problemsOf(file({ mode: 'proxy', nat: '', frontend: 'deny = ["office"]' }));
    expect(problems.join()).toContain(
      'frontends.web.deny: "office" is the name of a set, which only packet modes have; list its networks',
    );
  });

  test.each([
    [
      'no [l4]',
      file({ l4: '' }),
      'b.toml:4:8: frontends.web.mode: "fnat" needs a table [l4] with the interfaces, such as interfaces = ["eth0"]',
    ],
    [
      'no interfaces',
      file({ l4: '[l4]' }),
      'b.toml:1:2: l4: interfaces is required, such as interfaces = ["eth0", "eth1"]',
    ],
    [
      'no local addresses',
      file({ nat: '' }),
      'frontends.web: mode "fnat" needs l4.local_addresses, such as local_addresses = ["198.51.100.5"]',
    ],
    [
      'a local address that is the service',
      file({ nat: 'l4 = { local_addresses = ["203.0.113.1"] }' }),
      'frontends.web.l4.local_addresses: 203.0.113.1 is the address of a service; take another one, or set l4.force = true',
    ],
    [
      'local addresses in another mode',
      file({ mode: 'nat' }),
      'frontends.web.l4.local_addresses: mode "nat" has no local addresses; remove the key',
    ],
    [
      'a server of another family',
      file({ mode: 'nat', nat: '', server: '[2001:db8::1]:80' }),
      'backends.web.servers.a.addr: frontends.web listens on 203.0.113.1: mode "nat" needs servers of the same family',
    ],
    [
      'clients of IPv4 in NAT64',
      file({ mode: 'nat64' }),
      'frontends.web.listen_addr: mode "nat64" is for IPv6 clients and needs an IPv6 address; got 203.0.113.1: for IPv4 clients there is "fnat"',
    ],
    [
      'a server of IPv6 in NAT64',
      file({ mode: 'nat64', listen: '[2001:db8:f::1]:80', server: '[2001:db8:b::11]:80' }),
      'backends.web.servers.a.addr: mode "nat64" of frontends.web is for IPv4 servers; got 2001:db8:b::11: for IPv6 servers there is "fnat"',
    ],
    [
      'NAT64 without local addresses',
      file({ mode: 'nat64', listen: '[2001:db8:f::1]:80', nat: '' }),
      'frontends.web: mode "nat64" needs l4.local_addresses, such as local_addresses = ["198.51.100.5"]',
    ],
    [
      'NAT64 with local addresses of IPv6',
      file({
        mode: 'nat64',
        listen: '[2001:db8:f::1]:80',
        nat: 'l4 = { local_addresses = ["2001:db8:a::5"] }',
      }),
      'frontends.web.l4.local_addresses: has no IPv4 address, which packets to IPv4 servers need',
    ],
    [
      'NAT64 with a sorry server of IPv6',
      file({
        mode: 'nat64',
        listen: '[2001:db8:f::1]:80',
        backend: 'sorry_server = "[2001:db8::99]:80"',
      }),
      'backends.web.sorry_server: mode "nat64" of frontends.web needs an IPv4 sorry server; got 2001:db8::99',
    ],
    [
      'full NAT from IPv6 clients to IPv4 servers',
      file({ listen: '[2001:db8:f::1]:80' }),
      'backends.web.servers.a.addr: frontends.web listens on 2001:db8:f::1: mode "fnat" needs servers of the same family; for IPv6 clients of IPv4 servers there is "nat64"',
    ],
    [
      'another port with direct routing',
      file({ mode: 'dr', nat: '' }),
      'backends.web.servers.a.addr: mode "dr" of frontends.web keeps the port: must be 80; got 8080',
    ],
    [
      'a server by name',
      file({ server: 'web.internal:80' }),
      'backends.web.servers.a.addr: frontends.web of mode "fnat" needs an IP address; got "web.internal:80"',
    ],
    [
      'every address',
      file({ listen: ':80' }),
      'frontends.web.listen_addr: mode "fnat" needs an IP address; got ":80"',
    ],
    [
      'any port without a steady choice',
      file({ listen: '203.0.113.1:0' }),
      'frontends.web.listen_addr: port 0 (any port) needs l4.persistence or a balance by key (source, ring, lvs:mh, lvs:conhash, lvs:sh, lvs:dh)',
    ],
    [
      'TLS',
      file({ frontend: 'protocol = "tls"\ntls = {}' }),
      'frontends.web.protocol: mode "fnat" has nothing of this kind in this version; remove the key',
    ],
    [
      'a list with a set that is not there',
      file({ frontend: 'deny = ["192.0.2.0/24", "offices"]' }),
      'frontends.web.deny: "offices" is no set of [l4.sets]; there are: none',
    ],
    [
      'a list with something that is no network',
      file({ frontend: 'allow = ["10.0.0.0/33"]' }),
      'needs an address, a network such as "10.0.0.0/8", or the name of a set of [l4.sets]; got "10.0.0.0/33"',
    ],
    [
      'a set whose file is not there',
      file({
        l4: '[l4]\ninterfaces = ["eth0"]\n[l4.sets.office]\nfile = "/nonexistent/office"',
      }),
      'l4.sets.office.file: cannot read /nonexistent/office: ENOENT',
    ],
    [
      'a balance that tables cannot have',
      file({ backend: 'balance = "leasttime"' }),
      'backends.web.balance: mode "fnat" of frontends.web has no "leasttime"; use roundrobin, leastconn, p2c, random, source, ring, "lvs:<name>"',
    ],
    [
      'a tunnel without a source',
      file({ mode: 'tunnel', nat: '', server: '10.0.0.11:80' }),
      'l4: frontends.web has mode "tunnel" and IPv4 servers: tunnel_source needs an IPv4 address of this host',
    ],
    [
      'a table of a size that is no prime of the list',
      file({ backend: 'balance = "lvs:mh"\nmh_table = 1000' }),
      'backends.web.mh_table: must be one of 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65537, 131071; got 1000',
    ],
    [
      'a range of ports that is none',
      file({ nat: 'l4 = { local_addresses = ["198.51.100.5"], port_range = "9000" }' }),
      'frontends.web.l4.port_range: needs "low-high" with ports from 1 to 65535; got "9000"',
    ],
    [
      'a MAC address without an interface',
      file({ more: 'mac = "02:00:00:00:00:b1"' }),
      'backends.web.servers.a: needs both interface and mac, or neither',
    ],
    [
      'a VLAN of a server that is found by route',
      file({ more: 'vlan = 200' }),
      'backends.web.servers.a.vlan: needs interface and mac: give both, or route by a VLAN interface of Linux and leave vlan out',
    ],
    [
      'a port of a tunnel that has none',
      file({
        mode: 'tunnel',
        server: '10.0.0.11:80',
        l4: '[l4]\ninterfaces = ["eth0"]\ntunnel_source = ["10.0.0.2"]',
        nat: 'l4 = { tunnel = "gre", tunnel_port = 6080 }',
      }),
      'frontends.web.l4.tunnel_port: tunnel "gre" has no UDP header; it is for "gue", "gue1" and "vxlan"',
    ],
    [
      'the number of a network without VXLAN',
      file({
        mode: 'tunnel',
        server: '10.0.0.11:80',
        l4: '[l4]\ninterfaces = ["eth0"]\ntunnel_source = ["10.0.0.2"]',
        nat: 'l4 = { tunnel = "gue", vni = 42 }',
      }),
      'frontends.web.l4.vni: tunnel "gue" has none; it is for "vxlan"',
    ],
    [
      'a tunnel in a mode without',
      file({ nat: 'l4 = { local_addresses = ["198.51.100.5"], tunnel = "gre" }' }),
      'frontends.web.l4.tunnel: mode "fnat" has no tunnel; remove the key',
    ],
    [
      'ports of the service among those of passthrough',
      file({ mode: 'passthrough', nat: '', listen: '203.0.113.1:40000' }),
      "frontends.web: ports 33768-61000 of 203.0.113.1 contain the service's port 40000",
    ],
    [
      'more servers than can be compared',
      `${file({ backend: 'balance = "leastconn"' })}${Array.from({ length: 1024 }, (_, i) => `[backends.web.servers.s${i}]\naddr = "10.1.${i >> 8}.${i & 255}:80"\n`).join('')}`,
      'backends.web.servers: "leastconn" compares at most 1024 servers; got 1025',
    ],
  ])('must not have %s', (_what, toml, message) => {
    expect(problemsOf(toml).join('\n')).toContain(message);
  });

  test('with every default can be written and read again', () => {
    const { config } = parseLoadBalancerConfig(file(), 'b.toml');
    expect(config.l4).toMatchObject({ hook: 'auto', conntrack: { max_entries: 1_048_576 } });
    const again = parseLoadBalancerConfig(formatLoadBalancerConfig(config), 'again.toml');
    expect(again.config).toEqual(config);
  });
});

describe('the settings of several hosts that serve the same', () => {
  test.each<[string, Parameters<typeof file>[0], string[]]>([
    [
      'an announcement of addresses that others manage',
      { l4: '[l4]\ninterfaces = ["eth0"]\nmanage_vips = false\nannounce = "route"' },
      [
        'b.toml:4:12: l4.announce: needs manage_vips = true: the addresses of services come and go with it',
      ],
    ],
    [
      'a role over addresses that others manage',
      { l4: '[l4]\ninterfaces = ["eth0"]\nmanage_vips = false\nrole = "backup"' },
      [
        'b.toml:4:8: l4.role: needs manage_vips = true: the addresses of services come and go with it',
      ],
    ],
    [
      'a quorum that is never lost',
      { backend: 'quorum = 2\nhysteresis = 2' },
      [
        'b.toml:11:14: backends.web.hysteresis: must be less than quorum = 2, or the quorum is never lost; got 2',
      ],
    ],
    [
      'a sorry server by name',
      { backend: 'sorry_server = "sorry.example.com:80"' },
      [
        'b.toml:10:16: backends.web.sorry_server: needs an IP address and a port; got "sorry.example.com:80"',
      ],
    ],
    [
      'a sorry server of another family',
      { backend: 'sorry_server = "[2001:db8::99]:80"' },
      [
        'b.toml:10:16: backends.web.sorry_server: frontends.web listens on 203.0.113.1: mode "fnat" needs a sorry server of the same family',
      ],
    ],
    [
      'a sorry server on another port, where ports stay',
      {
        mode: 'dr',
        nat: '',
        server: '10.0.0.11:80',
        backend: 'sorry_server = "10.0.0.99:8080"',
      },
      [
        'b.toml:10:16: backends.web.sorry_server: mode "dr" of frontends.web keeps the port: must be 80; got 8080',
      ],
    ],
    [
      'a sorry server of a relay',
      { mode: 'proxy', nat: '', backend: 'sorry_server = "10.0.0.99:80"' },
      [
        'b.toml:10:16: backends.web.sorry_server: frontends.web of mode "proxy" has no sorry server; give it a server with backup = true',
      ],
    ],
  ])('refuse %s', (_, given, problems) => {
    expect(problemsOf(file(given))).toEqual(problems);
  });

  test('are nothing, one server and master by default', () => {
    const { config } = parseLoadBalancerConfig(file(), 'b.toml');
    expect(config.l4).toMatchObject({ announce: 'none', role: 'master' });
    expect(config.backends['web']).toMatchObject({ quorum: 1, hysteresis: 0 });
    expect(config.backends['web']).not.toHaveProperty('sorry_server');
  });
});
