import { describe, expect, test } from 'vitest';
import { buildFrame, checksum, type FrameSpec } from '../src/packet.ts';
import { diffFrames, readFrame, wrongChecksums } from '../src/packet-reader.ts';

const SYN: FrameSpec = {
  to: '02:00:00:00:00:01',
  from: '02:00:00:00:00:c1',
  ipv4: {
    src: '192.0.2.10',
    dst: '203.0.113.1',
    id: 0x1234,
    tcp: {
      sport: 40_000,
      dport: 80,
      seq: 1000,
      flags: ['syn'],
      options: Uint8Array.of(2, 4, 5, 0xb4),
    },
  },
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('buildFrame', () => {
  test('computes lengths and checksums of TCP over IPv4', () => {
    expect(hex(buildFrame(SYN))).toBe(
      '0200000000010200000000c108004500002c1234400040062a8cc000020acb0071019c400050000003e8000000006002faf0feb00000020405b4',
    );
  });

  test('computes lengths and checksums of UDP over IPv6', () => {
    const frame = buildFrame({
      to: SYN.to,
      from: SYN.from,
      ipv6: {
        src: '2001:db8:c::10',
        dst: '2001:db8:f::1',
        udp: { sport: 40_000, dport: 53, payload: 'abc' },
      },
    });
    expect(hex(frame)).toBe(
      '0200000000010200000000c186dd60000000000b114020010db8000c0000000000000000001020010db8000f000000000000000000019c400035000b4362616263',
    );
  });

  test('nests tunnels', () => {
    const { ipv4 } = SYN;
    const outer = { src: '198.51.100.1', dst: '10.0.0.11' };
    const frame = buildFrame({
      to: '02:00:00:00:00:b1',
      from: '02:00:00:00:00:02',
      ipv4: { ...outer, ipv4: ipv4! },
    });
    expect(hex(frame).slice(28, 68)).toBe('45000040000040004004067bc63364010a00000b');
    expect(wrongChecksums(frame)).toEqual([]);
  });

  test('links IPv6 extension headers', () => {
    const frame = buildFrame({
      to: SYN.to,
      from: SYN.from,
      ipv6: {
        src: '2001:db8:c::10',
        dst: '2001:db8:f::1',
        extensions: [
          { header: 0, data: new Uint8Array(6) },
          { header: 60, data: new Uint8Array(14) },
        ],
        tcp: { sport: 1, dport: 2, flags: ['ack'] },
      },
    });
    const fields = readFrame(frame);
    expect(fields.get('ip.next')).toBe('0');
    expect(fields.get('ip.extension0')!.slice(0, 4)).toBe('3c00');
    expect(fields.get('ip.extension1')!.slice(0, 4)).toBe('0601');
    expect(fields.get('tcp.flags')).toBe('ack');
    expect(wrongChecksums(frame)).toEqual([]);
  });

  test('sends what is given instead of what is right', () => {
    const wrong = buildFrame({ ...SYN, ipv4: { ...SYN.ipv4!, checksum: 1, ttl: 1 } });
    expect(wrongChecksums(wrong)).toEqual(['ip.checksum']);
  });

  test('sends a UDP checksum of zero as all ones, and none when asked for', () => {
    expect(udpChecksum()).toBe('0xffff');
    expect(udpChecksum(0)).toBe('none');
  });
});

describe('diffFrames', () => {
  test('is empty for equal frames', () => {
    expect(diffFrames(buildFrame(SYN), buildFrame(SYN))).toEqual([]);
  });

  test('names every field that differs', () => {
    const { ipv4 } = SYN;
    const other = buildFrame({
      ...SYN,
      ipv4: { ...ipv4!, ttl: 63, tcp: { ...ipv4!.tcp!, dport: 8080 } },
    });
    expect(diffFrames(buildFrame(SYN), other)).toEqual([
      'ip.ttl: 63; expected 64',
      'ip.checksum: 0x2b8c; expected 0x2a8c',
      'tcp.dport: 8080; expected 80',
      'tcp.checksum: 0xdf70; expected 0xfeb0',
    ]);
  });
});

describe('checksum', () => {
  test('is zero over a header that carries its own (RFC 1071)', () => {
    const header = Buffer.from('4500002c1234400040062a8cc000020acb007101', 'hex');
    expect(checksum([header])).toBe(0);
  });
});

/** The checksum field of a datagram whose sum comes out as zero. */
function udpChecksum(given?: number): string | undefined {
  const udp = {
    sport: 0,
    dport: 0,
    // Pseudo header (17 + 10), length (10) and payload add up to all ones.
    payload: Uint8Array.of(0xff, 0xff - 17 - 10 - 10),
    ...(given === undefined ? {} : { checksum: given }),
  };
  const ipv4 = { src: '0.0.0.0', dst: '0.0.0.0', udp };
  return readFrame(buildFrame({ to: SYN.to, from: SYN.from, ipv4 })).get('udp.checksum');
}
