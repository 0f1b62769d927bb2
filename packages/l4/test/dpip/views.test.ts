/** Texts to the last blank, from messages as the kernel sends them. */
import type { RouteSocket } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { addressView } from '../../src/dpip/address-view.ts';
import { tunnelView, vlanView } from '../../src/dpip/device-view.ts';
import { linkView } from '../../src/dpip/link-view.ts';
import { steeringView } from '../../src/dpip/plane-views.ts';
import type { ViewSource } from '../../src/dpip/view.ts';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;

/** Numbers of attributes with what is in them. */
type Tree = readonly (readonly [type: number, content: Uint8Array | Tree])[];

function attributes(tree: Tree): Buffer {
  return Buffer.concat(
    tree.map(([type, content]) => {
      const bytes = content instanceof Uint8Array ? content : attributes(content);
      const padded = Buffer.alloc((4 + bytes.length + 3) & ~3);
      padded.writeUInt16LE(4 + bytes.length, 0);
      padded.writeUInt16LE(type, 2);
      padded.set(bytes, 4);
      return padded;
    }),
  );
}

const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const hex = (digits: string): Uint8Array => Buffer.from(digits, 'hex');

interface LinkGiven {
  readonly index: number;
  readonly name: string;
  readonly more?: Tree;
  /** As the kernel orders them. */
  readonly counters?: readonly number[];
}

function link({ index, name, more = [], counters = [] }: LinkGiven): Uint8Array {
  const head = Buffer.alloc(16);
  head.writeInt32LE(index, 4);
  head.writeUInt32LE(1, 8);
  const values = Array.from({ length: 25 }, (_, at) => BigInt(counters[at] ?? 0));
  return Buffer.concat([
    head,
    attributes([
      [3, text(name)],
      [1, hex('a0369f9d61f4')],
      [4, u32(1500)],
      [31, u32(8)],
      [32, u32(8)],
      [23, new Uint8Array(BigUint64Array.from(values).buffer)],
      ...more,
    ]),
  ]);
}

/** A socket that answers dumps of links, and of addresses. */
function socketOf(
  links: readonly Uint8Array[],
  addresses: readonly Uint8Array[] = [],
): RouteSocket {
  const dump = (_: string, type: number): unknown[] =>
    (type === RTM_GETLINK ? links : addresses).map((payload) => ({
      type: type === RTM_GETLINK ? RTM_NEWLINK : RTM_NEWADDR,
      flags: 0,
      sequence: 1,
      payload,
    }));
  // Views only dump.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { dump } as unknown as RouteSocket;
}

function source(socket: RouteSocket, more: Partial<ViewSource> = {}): ViewSource {
  const part = { dev: undefined, table: undefined };
  return { socket, part, statistics: false, family: undefined, ...more };
}

describe('dpip show', () => {
  test('link has the counters and, from the second look on, rates', () => {
    let nowMs = 1000;
    const view = linkView(() => nowMs);
    const look = (...counters: readonly number[]): string => {
      const links = [link({ index: 1, name: 'no-such-card', counters })];
      return view(source(socketOf(links), { statistics: true })).text;
    };
    const head = `1: no-such-card: socket 0 mtu 1500 rx-queue 8 tx-queue 8
    UP unknown Mbps unknown-duplex fixed-nego promisc-off
    addr A0:36:9F:9D:61:F4
`;
    const missed = [5, 6, 7, 8, 0, 0, 0, 0, 0, 16];
    expect(look(10, 20, 1000, 2000, ...missed))
      .toBe(`${head}    ipackets            opackets            ibytes              obytes
    10                  20                  1000                2000
    ierrors             oerrors             imissed             idropped            odropped
    5                   6                   0                   7                   8
`);
    nowMs += 500;
    expect(look(110, 20, 2000, 2000, ...missed))
      .toBe(`${head}    ipackets            opackets            ibytes              obytes
    110                 20                  2000                2000
    ierrors             oerrors             imissed             idropped            odropped
    5                   6                   0                   7                   8
    ipps                opps                ibps                obps
    200                 0                   16000               0
`);
  });

  test('vlan and tunnel name what is below', () => {
    const links = [
      link({ index: 2, name: 'eth0' }),
      link({
        index: 3,
        name: 'eth0.100',
        more: [
          [5, u32(2)],
          [
            18,
            [
              [1, text('vlan')],
              [
                2,
                [
                  [1, hex('6400')],
                  [5, hex('8100')],
                ],
              ],
            ],
          ],
        ],
      }),
      link({
        index: 4,
        name: 't0',
        more: [
          [
            18,
            [
              [1, text('ipip')],
              [
                2,
                [
                  [1, u32(2)],
                  [2, hex('0a000001')],
                  [3, hex('0a000002')],
                  [4, hex('40')],
                ],
              ],
            ],
          ],
        ],
      }),
    ];
    expect(vlanView(source(socketOf(links))).text).toBe(
      'eth0.100 link eth0 proto 802.1q id 100 UP\n',
    );
    expect(tunnelView(source(socketOf(links))).text).toBe(
      't0: ipip remote 10.0.0.2 local 10.0.0.1 dev eth0 ttl 64 tos 0\n',
    );
  });

  const local = {
    address: '10.0.0.100',
    service: 'tcp 203.0.113.1:80',
    port_low: 1025,
    port_high: 65_535,
    ports: 64_511,
    conns: 12,
    conflicts: 0,
    misses: 3,
  };

  test('addr has the ports of local addresses', () => {
    const head = hex('0220000002000000');
    const addresses = [Buffer.concat([head, attributes([[1, hex('0a000064')]])])];
    const shown = source(socketOf([link({ index: 2, name: 'eth0' })], addresses), {
      statistics: true,
    });
    const other = { ...local, service: 'udp 203.0.113.1:53', conns: 1, misses: 0 };
    expect(addressView(shown, [local, other]).text).toBe(`inet 10.0.0.100/32 scope global eth0
     valid_lft forever preferred_lft forever sa_used 13 sa_free 64498 sa_miss 3
`);
    expect(addressView({ ...shown, statistics: false }, []).text).toBe(
      'inet 10.0.0.100/32 scope global eth0\n     valid_lft forever preferred_lft forever\n',
    );
    expect(addressView({ ...shown, family: 6 }, []).text).toBe('');
  });

  test('flow has a rule for each local address', () => {
    expect(steeringView([local], undefined).text).toBe(
      'pattern ipv4 dst 10.0.0.100 port 1025-65535 action table l4_ct core all service tcp 203.0.113.1:80 flows 12\n',
    );
    expect(steeringView([local], 6).text).toBe('');
  });
});
