/**
 * Whatever a packet looks like, what leaves the data plane has right checksums: updating them from the
 * differences must come to the same as summing up anew.
 */
import * as fc from 'fast-check';
import { buildFrame, wrongChecksums, type FrameSpec } from '@balancer/ebpf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { HOOKS, PacketHost, type Hook } from '../tools/packets/packet-host.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';

const RUNS = process.env['BALANCER_TEST_LONG'] === undefined ? 100 : 10_000;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

const IPV4 = {
  vip: NAMES['V']!,
  backends: [{ address: NAMES['B1']! }],
  localAddresses: [NAMES['LIP']!],
};
const IPV6 = {
  vip: NAMES['V6']!,
  backends: [{ address: NAMES['B6']! }],
  localAddresses: [NAMES['L6']!],
};

const NAT64 = {
  vip: NAMES['V6']!,
  backends: [{ address: NAMES['B1']! }],
  localAddresses: [NAMES['LIP']!],
  mode: 'fnat',
  flags: ['nat64'],
} as const;

const MODES = ['dr', 'tunnel', 'nat', 'fnat'] as const;
/** Every build, mode, protocol and family. */
function* combinations(): Generator<RandomSetup> {
  for (const hook of HOOKS) {
    for (const mode of MODES) {
      for (const protocol of ['tcp', 'udp'] as const) {
        for (const addresses of [IPV4, IPV6]) {
          yield { ...addresses, hook, mode, protocol, portRange: [1025, 65_535] };
        }
      }
    }
    yield* translating(hook);
  }
}

/** NAT64 by one build, of both protocols. */
function* translating(hook: Hook): Generator<RandomSetup> {
  for (const protocol of ['tcp', 'udp'] as const) {
    yield { ...NAT64, hook, protocol, portRange: [1025, 65_535] };
  }
}

interface RandomSetup extends Setup {
  readonly vip: string;
  readonly hook: Hook;
}

const port = fc.integer({ min: 1, max: 65_535 });
const packets = fc.record({
  v4: fc.ipV4(),
  v6: fc.ipV6(),
  sport: port,
  seq: fc.nat(0xffff_ffff),
  ttl: fc.integer({ min: 2, max: 255 }),
  tos: fc.nat(255),
  id: fc.nat(65_535),
  window: fc.nat(65_535),
  payload: fc.uint8Array({ maxLength: 600 }),
  options: fc.uint8Array({ maxLength: 40 }),
});

type RandomPacket = typeof packets extends fc.Arbitrary<infer T> ? T : never;

function frameOf(packet: RandomPacket, setup: RandomSetup): Uint8Array {
  const { v4, v6, sport, seq, ttl, tos, id, window, payload, options } = packet;
  const transport =
    setup.protocol === 'udp'
      ? { udp: { sport, dport: 80, payload } }
      : { tcp: { sport, dport: 80, seq, window, flags: ['syn'] as const, options, payload } };
  const ends: Pick<FrameSpec, 'to' | 'from'> = { to: NAMES['L1']!, from: NAMES['R']! };
  if (setup.vip.includes(':')) {
    const ip = { src: v6, dst: setup.vip, trafficClass: tos, flowLabel: id, hopLimit: ttl };
    return buildFrame({ ...ends, ipv6: { ...ip, ...transport } });
  }
  return buildFrame({ ...ends, ipv4: { src: v4, dst: setup.vip, tos, id, ttl, ...transport } });
}

/** An answer of the server of NAT64 to a packet that it got: as its own, with NOPs for options. */
function answerTo(forwarded: Uint8Array, packet: RandomPacket, protocol: string): Uint8Array {
  const { ttl, tos, id, seq, window, payload, options, sport } = packet;
  const dport = Buffer.from(forwarded).readUInt16BE(CLIENT_PORT_OFFSET);
  const hasChecksum = sport % 2 === 0;
  const transport =
    protocol === 'udp'
      ? { udp: { sport: 8080, dport, payload, ...(!hasChecksum && { checksum: 0 }) } }
      : { tcp: { sport: 8080, dport, seq, window, flags: ['syn', 'ack'] as const, payload } };
  const nops = new Uint8Array(options.length & ~3).fill(1);
  const ip = { src: NAMES['B1']!, dst: NAMES['LIP']!, ttl, tos, id, options: nops };
  return buildFrame({ to: NAMES['L2']!, from: NAMES['M1']!, ipv4: { ...ip, ...transport } });
}

/** Where an Ethernet frame with IPv4 without options has the source port. */
const CLIENT_PORT_OFFSET = 34;

/** One for all: to load the programs takes longer than a test. */
let host: PacketHost;
beforeAll(() => {
  if (NO_ROOT === '') host = new PacketHost();
});
afterAll(() => host?.close());

describe(`checksums of forwarded packets${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '').each([...combinations()])(
    'verify: $hook, $mode, $protocol, $vip',
    (setup) => {
      const plane = new DataPlane(setup, setup.hook, host);
      try {
        fc.assert(
          fc.property(packets, (packet) => {
            const { verdict, data } = plane.send(frameOf(packet, setup));
            expect(verdict).toBe('tx');
            expect(wrongChecksums(data)).toEqual([]);
          }),
          { numRuns: RUNS },
        );
      } finally {
        plane.close();
      }
    },
  );

  test.skipIf(NO_ROOT !== '').each(HOOKS.flatMap((hook) => [...translating(hook)]))(
    'verify in the answers of IPv4 servers to IPv6 clients: $hook, $protocol',
    (setup) => {
      const plane = new DataPlane(setup, setup.hook, host);
      try {
        fc.assert(
          fc.property(packets, packets, (request, answer) => {
            const { data: forwarded } = plane.send(frameOf(request, setup));
            const { verdict, data } = plane.send(answerTo(forwarded, answer, setup.protocol!));
            expect(verdict).toBe('tx');
            expect(data[12]).toBe(0x86);
            expect(wrongChecksums(data)).toEqual([]);
          }),
          { numRuns: RUNS },
        );
      } finally {
        plane.close();
      }
    },
  );
});
