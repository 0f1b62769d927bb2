/** Messages as the kernel sends them, byte for byte as far as the readers look at them. */
import { describe, expect, test } from 'vitest';
import { readAddress } from '../../src/netlink/addresses.ts';
import { readLinkDetails } from '../../src/netlink/link-details.ts';
import { type NetlinkMessage, PayloadBuilder } from '../../src/netlink/message.ts';
import { readIpv4Groups, readIpv6Groups, readLinkGroups } from '../../src/netlink/multicast.ts';
import { readFilter, readQueueing } from '../../src/netlink/queueing.ts';
import { readRoute } from '../../src/netlink/routes.ts';

/** Hexadecimal digits, with spaces for the eye. */
const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const message = (payload: Uint8Array): NetlinkMessage => ({
  type: 0,
  flags: 0,
  sequence: 1,
  payload,
});
const u64s = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, BigInt).buffer);

const IFINFO = '0000 0100 05000000 43100100 00000000';

describe('a link message', () => {
  test('has counters, queues and a VLAN', () => {
    const payload = Buffer.concat([
      bytes(IFINFO),
      new PayloadBuilder()
        .string(3, 'eth0.100')
        .u32(4, 1496)
        .u8(16, 6)
        .u32(30, 1)
        .u32(31, 2)
        .u32(32, 4)
        .bytes(23, u64s(...Array.from({ length: 25 }, (_, index) => index + 1)))
        .nested(18, (info) =>
          info.string(1, 'vlan').nested(2, (data) => data.u16(1, 100).bytes(5, bytes('8100'))),
        )
        .build(),
    ]);
    expect(readLinkDetails(message(payload))).toMatchObject({
      ifindex: 5,
      name: 'eth0.100',
      mtu: 1496,
      up: true,
      operState: 6,
      promiscuity: 1,
      txQueues: 2,
      rxQueues: 4,
      vlan: { id: 100, protocol: '802.1Q' },
      tunnel: undefined,
      statistics: {
        rxPackets: 1,
        txPackets: 2,
        rxBytes: 3,
        txBytes: 4,
        rxErrors: 5,
        txErrors: 6,
        rxDropped: 7,
        txDropped: 8,
        multicast: 9,
        rxMissed: 16,
      },
    });
  });

  test.each([
    [
      'ipip',
      (data: PayloadBuilder) =>
        data.u32(1, 2).bytes(2, bytes('0a000001')).bytes(3, bytes('0a000002')).u8(4, 64).u8(5, 1),
      { local: '10.0.0.1', remote: '10.0.0.2', lower: 2, ttl: 64, tos: 1, key: undefined },
    ],
    [
      'gre',
      (data: PayloadBuilder) =>
        data
          .u32(1, 0)
          .bytes(6, bytes('00000000'))
          .bytes(7, bytes('0a000002'))
          .bytes(5, bytes('0000002a')),
      { local: undefined, remote: '10.0.0.2', lower: undefined, ttl: 0, tos: 0, key: 42 },
    ],
    [
      'vxlan',
      (data: PayloadBuilder) =>
        data.u32(1, 42).bytes(16, bytes('20010db8000000000000000000000009')).u8(5, 5),
      { local: undefined, remote: '2001:db8::9', lower: undefined, ttl: 5, tos: 0, key: 42 },
    ],
  ] as const)('has the ends of a tunnel of kind %s', (kind, fill, expected) => {
    const payload = Buffer.concat([
      bytes(IFINFO),
      new PayloadBuilder()
        .nested(18, (info) => info.string(1, kind).nested(2, (data) => void fill(data)))
        .build(),
    ]);
    expect(readLinkDetails(message(payload)).tunnel).toEqual(expected);
  });

  test('that is cut short is refused', () => {
    const payload = Buffer.concat([
      bytes(IFINFO),
      new PayloadBuilder().bytes(23, u64s(1, 2)).build(),
    ]);
    expect(() => readLinkDetails(message(payload))).toThrow('counters of 16 bytes; expected 128');
  });
});

test('an address has the times for which it lasts', () => {
  const of = (preferred: string, valid: string): unknown =>
    readAddress(
      message(
        bytes(
          `02180000 03000000 08000100 0a000001 14000600 ${preferred} ${valid} 00000000 00000000`,
        ),
      ),
    );
  expect(of('ffffffff', 'ffffffff')).toMatchObject({ preferredS: Infinity, validS: Infinity });
  expect(of('3c000000', '78000000')).toMatchObject({ preferredS: 60, validS: 120 });
});

describe('a route message', () => {
  test('has its metric, MTU, maker and scope', () => {
    // 10.8.0.0/16 via 10.1.0.2 dev 3 metric 7 mtu 1400, made by bird
    const payload = bytes(`02100000 fe0c0001 00000000 08000f00 fe000000 08000100 0a080000
      08000600 07000000 0c000800 08000200 78050000 08000500 0a010002 08000400 03000000`);
    expect(readRoute(message(payload))).toMatchObject({
      destination: '10.8.0.0/16',
      gateway: '10.1.0.2',
      ifindex: 3,
      priority: 7,
      mtu: 1400,
      protocol: 12,
      scope: 0,
      tos: 0,
      nextHops: [],
    });
  });

  const hops = '10000001 03000000 08000500 0a010002';
  test('has all ways of a route, their gateways in either attribute', () => {
    const via = '14000000 04000000 0a00 1200 0200 0a010003 0000'.replaceAll(' ', '');
    // RTA_VIA: length 10, type 18, family 2, address.
    const payload = bytes(`02100000 fe030001 00000000 08000100 0a090000 28000900 ${hops} ${via}`);
    expect(readRoute(message(payload)).nextHops).toEqual([
      { ifindex: 3, gateway: '10.1.0.2', weight: 2 },
      { ifindex: 4, gateway: '10.1.0.3', weight: 1 },
    ]);
  });

  test('with a way that is longer than the message is refused', () => {
    const payload = bytes(
      `02100000 fe030001 00000000 14000900 ff000001 03000000 08000500 0a010002`,
    );
    expect(() => readRoute(message(payload))).toThrow('next hop of 255 bytes at 0 of 16');
  });
});

describe('a queueing message', () => {
  const tcmsg = '00000000 03000000 10000100 ffffffff 02000000';
  const statistics = (builder: PayloadBuilder): PayloadBuilder =>
    builder.nested(7, (stats) =>
      stats
        .bytes(1, bytes('4001000000000000 05000000 00000000'))
        .bytes(3, bytes('01000000 02000000 03000000 04000000 05000000')),
    );

  test('of a class has its rates, those above 34 Gbit/s among them', () => {
    const rate = (bytesPerS: string): string => `00000000 00000000 ${bytesPerS}`;
    const parameters = bytes(`${rate('d0121300')} ${rate('ffffffff')}`);
    const payload = Buffer.concat([
      bytes(tcmsg),
      statistics(
        new PayloadBuilder()
          .string(1, 'htb')
          .nested(2, (options) => options.bytes(1, parameters).bytes(7, u64s(5e9))),
      ).build(),
    ]);
    expect(readQueueing(message(payload))).toEqual({
      ifindex: 3,
      handle: 0x1_0010,
      parent: 0xffff_ffff,
      kind: 'htb',
      rateBps: 10_000_000,
      ceilingBps: 40_000_000_000,
      limit: undefined,
      statistics: {
        bytes: 320,
        packets: 5,
        backlogPackets: 1,
        backlogBytes: 2,
        drops: 3,
        overlimits: 5,
      },
    });
  });

  test('of a queue has its length', () => {
    const payload = Buffer.concat([
      bytes(tcmsg),
      new PayloadBuilder().string(1, 'bfifo').bytes(2, bytes('00001000')).build(),
    ]);
    expect(readQueueing(message(payload))).toMatchObject({ kind: 'bfifo', limit: 1_048_576 });
  });

  test('of a filter has its place and its program', () => {
    const payload = Buffer.concat([
      bytes('00000000 03000000 01000000 f2ffffff 0003 0100'),
      new PayloadBuilder()
        .string(1, 'bpf')
        .nested(2, (options) => options.string(7, 'lb_ingress').u32(11, 77))
        .build(),
    ]);
    expect(readFilter(message(payload))).toEqual({
      ifindex: 3,
      kind: 'bpf',
      handle: 1,
      parent: 0xffff_fff2,
      priority: 1,
      protocol: 3,
      name: 'lb_ingress',
      programId: 77,
    });
  });
});

describe('multicast addresses in procfs', () => {
  test('of the link layer', () => {
    expect(readLinkGroups('2    eth0            1     0     01005e000001\n')).toEqual([
      { interfaceName: 'eth0', family: 'link', address: '01:00:5e:00:00:01', users: 1 },
    ]);
  });

  test('of IPv4, below their interface', () => {
    const text = `Idx	Device    : Count Querier	Group    Users Timer	Reporter
1	lo        :     1      V3
				010000E0     1 0:00000000		0
3	eth0      :     2      V3
				FB0000E0     2 0:00000000		0
`;
    expect(readIpv4Groups(text)).toEqual([
      { interfaceName: 'lo', family: 'inet', address: '224.0.0.1', users: 1 },
      { interfaceName: 'eth0', family: 'inet', address: '224.0.0.251', users: 2 },
    ]);
  });

  test('of IPv6', () => {
    const text = '3    eth0            ff020000000000000000000000000001     1 0000000C 0\n';
    expect(readIpv6Groups(text)).toEqual([
      { interfaceName: 'eth0', family: 'inet6', address: 'ff02::1', users: 1 },
    ]);
  });

  test('none in texts that are something else', () => {
    for (const text of ['', 'Idx Device\n', '1 lo zz 3\n']) {
      expect([...readLinkGroups(text), ...readIpv4Groups(text), ...readIpv6Groups(text)]).toEqual(
        [],
      );
    }
  });
});
