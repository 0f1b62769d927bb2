import { formatConfigFile, parseLoadBalancerConfig } from '@balancer/lb';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importKeepalived, type ImportedKeepalived } from '../../src/keepalived/import.ts';

function imported(text: string): ImportedKeepalived {
  return importKeepalived({ file: 'k.conf', text }, { include: () => [], interfaces: ['eth0'] });
}

/** What was left over, one line each. */
function leftoversOf(text: string): readonly string[] {
  return imported(text).leftovers.map(({ line, what, why }) => `${line}: ${what}: ${why}`);
}

/** A service with one server, with statements in either. */
function service(own: string, server = '', words = '192.0.2.1 80'): string {
  return `virtual_server ${words} {\n lb_algo rr\n lb_kind NAT\n ${own}\n real_server 10.0.0.1 80 {\n weight 2\n ${server}\n }\n}\n`;
}

describe('keepalived.conf', () => {
  const tunnelled = (words: string): string =>
    `virtual_server 192.0.2.1 80 {\n lvs_method TUN ${words}\n real_server 10.0.0.1 80 {\n }\n}\n`;

  test.each([
    { words: '', l4: {} },
    { words: 'type ipip', l4: {} },
    { words: 'type gue port 6080', l4: { tunnel: 'gue', tunnel_port: 6080 } },
    {
      words: 'type gue port 5555 csum',
      l4: { tunnel: 'gue', tunnel_port: 5555, tunnel_checksum: true },
    },
    { words: 'type gre nocsum', l4: { tunnel: 'gre' } },
  ])('carries the kind of tunnels over: TUN $words', ({ words, l4 }) => {
    const { config, leftovers } = imported(tunnelled(words));
    expect(leftovers).toEqual([]);
    expect(Object.values(config.frontends ?? {})).toMatchObject([{ mode: 'tunnel', l4 }]);
  });

  test.each([
    { words: 'type gue port 70000', left: 'TUN port 70000: needs a port from 1 to 65535' },
    { words: 'type gue port 1 remcsum', left: 'TUN remcsum: checksums are not sent apart' },
    { words: 'type gre csum', left: 'TUN type gre csum: headers of GRE have no checksum here' },
    { words: 'type vxlan', left: 'TUN type vxlan: there are ipip, gue and gre' },
    { words: 'kind gre', left: 'TUN kind: is not known' },
  ])('names what tunnels cannot be: TUN $words', ({ words, left }) => {
    expect(leftoversOf(tunnelled(words))[0]).toBe(`1: virtual_server 192.0.2.1 80: ${left}`);
  });

  test('makes full NAT from IPv6 to IPv4 the mode of that name', () => {
    const text = `
local_address_group laddrs {
  198.51.100.5
}
virtual_server 2001:db8:f::1 80 {
  lvs_method FNAT
  laddr_group_name laddrs
  real_server 10.0.0.1 8080 {
  }
}
`;
    const { config, leftovers } = imported(text);
    expect(leftovers).toEqual([]);
    const { config: read } = parseLoadBalancerConfig(formatConfigFile(config), 'b.toml');
    expect(Object.values(read.frontends)).toMatchObject([
      { mode: 'nat64', l4: { local_addresses: ['198.51.100.5'], toa: true } },
    ]);
  });

  test('becomes a file that passes its checks', () => {
    const text = `
vrrp_instance VI_1 {
  interface eth1
}
virtual_server_group shop {
  192.0.2.1 80
  192.0.2.3-5 80
}
local_address_group laddrs {
  198.51.100.5-6 dpdk0
}
virtual_server group shop {
  delay_loop 3
  lvs_sched mh
  mh-port
  lvs_method FNAT
  protocol TCP
  laddr_group_name laddrs
  persistence_timeout 300
  persistence_granularity 255.255.255.0
  establish_timeout 600
  expire_quiescent_conn
  quorum 2
  hysteresis 1
  alpha
  inhibit_on_failure
  sorry_server 10.0.0.99 8080
  real_server 10.0.0.1 8080 {
    weight 10
    uthreshold 1000
    lthreshold 800
    HTTP_GET {
      url {
        path /alive
        status_code 200-204 301
        virtualhost shop.example
      }
      connect_timeout 2
      retry 4
      delay_before_retry 1.5
      connect_port 8081
    }
  }
}
`;
    const { config, leftovers } = importKeepalived({ file: 'k.conf', text }, { include: () => [] });
    expect(leftovers.map(({ what }) => what)).toEqual(['vrrp_instance VI_1']);
    const toml = formatConfigFile(config);
    const { config: read } = parseLoadBalancerConfig(toml, 'b.toml');
    expect(read.l4?.interfaces).toEqual(['eth1']);
    expect(read.frontends['tcp_shop']).toMatchObject({
      listen_addr: ['192.0.2.1', '192.0.2.3', '192.0.2.4', '192.0.2.5'].map((host) => ({
        kind: 'inet',
        host,
        port: 80,
      })),
      mode: 'fnat',
      l4: {
        local_addresses: ['198.51.100.5', '198.51.100.6'],
        persistence: 300_000,
        persistence_mask: 24,
        conn_timeout: 600_000,
        expire_quiescent: true,
        toa: true,
      },
    });
    expect(read.backends['tcp_shop']).toMatchObject({
      balance: 'lvs:mh',
      hash: 'ip-port',
      quorum: 2,
      hysteresis: 1,
      sorry_server: { host: '10.0.0.99', port: 8080 },
      health_check_interval: 3000,
      health: {
        type: 'http',
        path: '/alive',
        status: '200-204,301',
        host: 'shop.example',
        timeout: 2000,
        rise: 1,
        fall: 5,
        fast_interval: 1500,
        port: 8081,
      },
      servers: {
        '10_0_0_1_8080': { weight: 10, max_connections: 1000, min_connections: 800 },
      },
    });
  });

  test.each([
    ['lb_kind FNAT', { toa: true }, []],
    ['lb_kind FNAT\nproxy_protocol disable', { toa: true }, []],
    ['lb_kind FNAT\nproxy_protocol v2', { proxy_protocol: 'v2' }, []],
    [
      'lb_kind FNAT\nproxy_protocol v1-insecure',
      { proxy_protocol: 'v2' },
      ['virtual_server 192.0.2.1 80: proxy_protocol v1-insecure'],
    ],
    ['lb_kind FNAT\nsyn_proxy', { toa: true, synproxy: 'client-first' }, []],
    ['lb_kind NAT\nsyn_proxy', { synproxy: 'client-first' }, []],
    ['lb_kind FNAT\nprotocol UDP', {}, []],
    ['lb_kind NAT', {}, []],
  ])('carries over how servers learn of clients: %j', (words, l4, left) => {
    const { config, leftovers } = imported(service(words).replace('lb_kind NAT\n', ''));
    const [frontend] = Object.values(config.frontends ?? {});
    expect(frontend?.l4).toEqual(l4);
    expect(leftovers.map(({ what }) => what)).toEqual(left);
  });

  test.each([
    ['TCP_CHECK {\n}', { type: 'tcp', fall: 2, fast_interval: 1000, timeout: 5000 }],
    ['SSL_GET {\n enable_sni\n}', { type: 'https', path: '/', status: '200-299', fall: 4 }],
    ['PING_CHECK {\n retry 4\n}', { type: 'ping', fall: 5 }],
    [
      'MISC_CHECK {\n misc_path "/bin/check a b"\n misc_timeout 4\n}',
      { type: 'exec', command: ['/bin/check', 'a', 'b'], timeout: 4000, fall: 1 },
    ],
    [
      'UDP_CHECK {\n payload Ab12f 3\n}',
      { type: 'udp', send: String.raw`\xAb\x12\x0f\x03`, expect: '' },
    ],
    ['UDP_CHECK {\n require_reply\n}', { type: 'udp', expect: '/^/' }],
    ['UDP_CHECK {\n require_reply 0A 1\n}', { type: 'udp', expect: String.raw`/^\x0a\x01/s` }],
  ])('carries over the check %j', (checker, health) => {
    const { config } = imported(service('', checker));
    expect(config.backends?.['tcp_192_0_2_1_80']?.health).toMatchObject(health);
  });

  test('asks a name server by UDP, and takes any answer without an error for good', () => {
    const { config } = imported(service('', 'DNS_CHECK {\n type A\n name a.example\n}'));
    const { send = '', expect: wanted = '' } = config.backends!['tcp_192_0_2_1_80']!.health!;
    expect(send).toBe(
      '0000010000010000000000000161076578616d706c650000010001'.replaceAll(/../g, String.raw`\x$&`),
    );
    const answer = new RegExp(wanted.slice(1, -2), 's');
    expect(answer.test('\x00\x00\x81\x80')).toBe(true);
    expect(answer.test('\x00\x00\x81\x83')).toBe(false);
    expect(answer.test('\x00\x00\x01\x00')).toBe(false);
  });

  test('carries over what hosts behind the balancer send out', () => {
    const { config, leftovers } = imported(`
virtual_server match SNAT {
  protocol TCP
  lb_algo rr
  lb_kind SNAT
  src-range 192.168.9.10-192.168.9.254
  dst-range 0.0.0.0:1-1024
  oif eth1
  real_server 203.0.113.7 0 {
    weight 20
    uthreshold 1000
  }
  real_server 203.0.113.8 80 {
  }
}
virtual_server match OTHER {
  protocol ICMP
  lb_kind SNAT
  src-range 192.168.9.9-192.168.9.1
}
`);
    expect(leftovers.map(({ line, what, why }) => `${line}: ${what}: ${why}`)).toEqual([
      '13: virtual_server match SNAT: real_server 203.0.113.8 80: an address outside has no port; 80 is dropped',
      '16: virtual_server match OTHER: left out: 192.168.9.9-192.168.9.1 does not ascend',
    ]);
    const { config: read } = parseLoadBalancerConfig(formatConfigFile(config), 'b.toml');
    expect(read.l4?.interfaces).toEqual(['eth0', 'eth1']);
    expect(read.frontends['tcp_SNAT']).toMatchObject({
      mode: 'snat',
      l4: {
        match: {
          proto: ['tcp'],
          src_range: '192.168.9.10-192.168.9.254',
          dst_range: '0.0.0.0:1-1024',
          oif: 'eth1',
        },
      },
    });
    expect(read.backends['tcp_SNAT']).toMatchObject({
      balance: 'lvs:rr',
      health_check_interval: 0,
      servers: {
        '203_0_113_7': {
          addr: { host: '203.0.113.7', port: 0 },
          weight: 20,
          max_connections: 1000,
        },
        '203_0_113_8': { addr: { host: '203.0.113.8', port: 0 } },
      },
    });
  });

  test('leaves no check where keepalived has none', () => {
    const { config } = imported(service(''));
    expect(config.backends?.['tcp_192_0_2_1_80']).toMatchObject({ health_check_interval: 0 });
  });

  test.each([
    [
      'a statement without a counterpart',
      service('frobnicate 3'),
      '4: virtual_server 192.0.2.1 80: frobnicate 3: has no counterpart',
    ],
    [
      'a script',
      service('', 'notify_down /bin/x'),
      '7: virtual_server 192.0.2.1 80: real_server 10.0.0.1 80: notify_down /bin/x: no scripts are run; GET /l4/events tells of changes as they happen',
    ],
    [
      'a scheduler',
      service('lb_algo lblc'),
      '1: virtual_server 192.0.2.1 80: lb_algo lblc: there is no such scheduler; wlc is taken',
    ],
    [
      'a service by mark',
      service('', '', 'fwmark 7'),
      '1: virtual_server fwmark 7: left out: packets are told apart by address and port, not by marks',
    ],
    [
      'a protocol',
      service('protocol SCTP'),
      '1: virtual_server 192.0.2.1 80: left out: protocol sctp is not forwarded',
    ],
    [
      'a second check',
      service('', 'TCP_CHECK {\n}\nPING_CHECK {\n}'),
      '9: virtual_server 192.0.2.1 80: real_server 10.0.0.1 80: PING_CHECK: a server has one check; this is a further one',
    ],
    [
      'a number that is none',
      service('quorum many'),
      '4: virtual_server 192.0.2.1 80: quorum many: needs a number',
    ],
    [
      'a group that is missing',
      service('laddr_group_name x'),
      '1: virtual_server 192.0.2.1 80: laddr_group_name x: there is no such group',
    ],
    [
      'a range that is none',
      'virtual_server_group g {\n 192.0.2.9-3 80\n}\n',
      '2: virtual_server_group g: 192.0.2.9-3 80: is no address or range with a port',
    ],
    [
      'another block',
      'static_routes {\n 192.0.2.0/24 dev eth0\n}\n',
      '1: static_routes: stays with keepalived; docs/high-availability.md has its part beside Balancer',
    ],
  ])('names %s that is not carried over', (_what, text, line) => {
    expect(leftoversOf(text)).toContain(line);
  });

  test('names every statement that it does not know, wherever it stands', () => {
    const word = fc.stringMatching(/^zz[a-z]{1,8}$/);
    fc.assert(
      fc.property(fc.tuple(word, word, word), ([own, server, checker]) => {
        const text = service(`${own} 1`, `${server} 2\n TCP_CHECK {\n ${checker} 3\n }`);
        const lines = leftoversOf(text).join('\n');
        for (const name of [own, server, checker]) expect(lines).toContain(`${name} `);
      }),
    );
  });

  test('gives each service a name of its own', () => {
    const both = `${service('protocol TCP')}${service('protocol UDP')}`;
    expect(Object.keys(imported(both).config.frontends ?? {})).toEqual([
      'tcp_192_0_2_1_80',
      'udp_192_0_2_1_80',
    ]);
  });
});
