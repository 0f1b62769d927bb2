/** Messages byte for byte, as iproute2 sends them for the same request. */
import { describe, expect, test } from 'vitest';
import {
  readAttributes,
  buildMessage,
  PayloadBuilder,
  readMessages,
} from '../../src/netlink/message.ts';
import { xdpPayload } from '../../src/netlink/links.ts';
import { neighbourPayload } from '../../src/netlink/neighbours.ts';
import { routePayload } from '../../src/netlink/routes.ts';
import { filterPayload } from '../../src/netlink/traffic-control.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** Hexadecimal digits with spaces for the eye. */
const spaced = (text: string): string => text.replaceAll(' ', '');

describe('netlink encoders', () => {
  test('pad attributes to 4 bytes and nest them', () => {
    const payload = new PayloadBuilder()
      .u8(1, 7)
      .nested(2, (inner) => inner.string(3, 'ab'))
      .build();
    expect(hex(payload)).toBe(spaced('0500010007000000 0c000280 0700030061620000'));
  });

  test('set an XDP program only if none is there', () => {
    expect(hex(xdpPayload({ ifindex: 5, programFd: 9, modeFlags: 4 }))).toBe(
      spaced('00000000 05000000 00000000 00000000 14002b80 08000100 09000000 08000300 05000000'),
    );
  });

  test('replace an XDP program only if it is the expected one', () => {
    const payload = xdpPayload({ ifindex: 5, programFd: -1, modeFlags: 2, expectedFd: 9 });
    expect(hex(payload).slice(32)).toBe(
      spaced('1c002b80 08000100 ffffffff 08000300 12000000 08000800 09000000'),
    );
  });

  test('ask the kernel to keep a neighbour resolved', () => {
    expect(hex(neighbourPayload({ ifindex: 3, address: '10.0.0.11' }))).toBe(
      spaced('02000000 03000000 00000100 08000100 0a00000b 08000f00 01000000'),
    );
  });

  test('set a permanent neighbour', () => {
    const spec = { ifindex: 3, address: '10.0.0.11', mac: '02:00:00:00:00:b1' };
    expect(hex(neighbourPayload(spec))).toBe(
      spaced('02000000 03000000 80000000 08000100 0a00000b 0a000200 0200000000b10000'),
    );
  });

  test('set a route through a gateway', () => {
    const route = { destination: '10.1.0.0/16', gateway: '10.0.0.1', ifindex: 2 };
    expect(hex(routePayload(route))).toBe(
      spaced(
        '02100000 fe040001 00000000 08000f00 fe000000 08000100 0a010000 08000500 0a000001 08000400 02000000',
      ),
    );
  });

  test('refuse a prefix that is none', () => {
    expect(() => routePayload({ destination: '10.0.0.0/33' })).toThrow(/not a prefix/);
    expect(() => routePayload({ destination: '10.0.0.0' })).toThrow(/not a prefix/);
  });

  test('set a BPF filter in direct-action mode', () => {
    const place = { ifindex: 4, direction: 'ingress', priority: 1, handle: 1 } as const;
    expect(hex(filterPayload(place, { fd: 8, name: 'p' }))).toBe(
      spaced(
        '00000000 04000000 01000000 f2ffffff 00030100 0800010062706600 1c000280 08000600 08000000 06000700 70000000 08000800 01000000',
      ),
    );
  });

  test('come back from the reader as they were', () => {
    const payload = new PayloadBuilder().u32(4, 1500).string(3, 'eth0').build();
    const message = buildMessage({ type: 16, flags: 5, sequence: 77, payload });
    const [read] = readMessages(message);
    expect(read).toMatchObject({ type: 16, flags: 5, sequence: 77 });
    const attributes = readAttributes(read!.payload);
    expect(hex(attributes.get(3)!)).toBe(spaced('6574683000'));
  });
});
