import { describe, expect, test } from 'vitest';
import { backendSetup } from '../src/backend-setup.ts';
import { IPIP } from '../src/tunnel.ts';
import { backend, service } from './support/services.ts';

/** Commands for a server behind a tunnel, without remarks. */
function commands(
  tunnel: Partial<typeof IPIP>,
  address = '203.0.113.1',
  server = '10.0.0.11',
): string[] {
  const spec = backend({
    address: server,
    mode: 'tunnel',
    port: 0,
    tunnel: { ...IPIP, ...tunnel },
  });
  return backendSetup([service({ address, backends: [spec] })])
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

const REPLY = [
  'sysctl -w net.ipv4.conf.all.arp_ignore=1',
  'sysctl -w net.ipv4.conf.all.arp_announce=2',
];

describe('what a server is told', () => {
  test('IP in IP: the device of the kernel has the address, as the filter of sources asks for one', () => {
    expect(commands({})).toEqual([
      'SERVER=10.0.0.11',
      'modprobe ipip && ip link set dev tunl0 up',
      'sysctl -w net.ipv4.conf.all.rp_filter=2',
      'sysctl -w net.ipv4.conf.tunl0.rp_filter=2',
      ...REPLY,
      'ip addr add 203.0.113.1/32 dev tunl0',
    ]);
  });

  test('GUE: a port that hands over to the device of IP in IP', () => {
    expect(commands({ kind: 'gue', port: 6081 }).slice(1, 3)).toEqual([
      'modprobe fou && ip fou add port 6081 gue',
      'modprobe ipip && ip link set dev tunl0 up',
    ]);
  });

  test('GRE over IPv6 for an address of IPv6, which knows no filter of sources', () => {
    expect(commands({ kind: 'gre' }, '2001:db8:f::1', '2001:db8:b::11')).toEqual([
      'SERVER=2001:db8:b::11',
      'modprobe ip6_gre && ip link set dev ip6gre0 up',
      'ip -6 addr add 2001:db8:f::1/128 dev lo nodad',
    ]);
  });

  test('VXLAN over IPv6: a device with the number, and with the address of the inner frames', () => {
    expect(
      commands({ kind: 'vxlan', vni: 42 }, '203.0.113.1', '2001:db8:b::11').slice(1, 3),
    ).toEqual([
      'ip link add vxlan42 type vxlan id 42 local $SERVER dstport 4789 udp6zerocsumrx',
      'ip link set dev vxlan42 address 02:00:00:00:00:01 up',
    ]);
  });

  test.each([
    ['ipip', 1440],
    ['gue', 1428],
    ['gue1', 1432],
    ['gre', 1436],
    ['vxlan', 1410],
  ] as const)('by %s segments of %d bytes fit', (kind, bytes) => {
    const spec = backend({ mode: 'tunnel', port: 0, tunnel: { ...IPIP, kind } });
    expect(backendSetup([service({ backends: [spec] })])).toContain(`advmss ${bytes}`);
  });

  test('a port that is not the usual one is told to our own program, too', () => {
    const spec = backend({
      mode: 'tunnel',
      port: 0,
      tunnel: { ...IPIP, kind: 'vxlan', port: 8472 },
    });
    expect(backendSetup([service({ backends: [spec] })])).toContain('--vxlan-port 8472');
  });
});
