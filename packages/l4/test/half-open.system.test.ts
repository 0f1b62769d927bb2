/**
 * A flood of SYNs whose senders never answer: flows that are established stay, idle as they are, and clients
 * that complete their handshake get through.
 */
import { buildFrame, formatIp, type TcpFlag } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { DROP_REASONS, STATES } from '../src/index.ts';
import { DataPlane, SERVICE } from '../tools/packets/data-plane.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { MACS } from './support/ends.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const IS_LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const FLOOD = IS_LONG ? 2_000_000 : 10_000;
const ENTRIES = IS_LONG ? 1_048_576 : 16_384;
const HALF_OPEN_MAX = ENTRIES / 16;
const ESTABLISHED = 1_000;
/** More ports than may be half-open. */
const LOCALS = [NAMES['LIP']!, '198.51.100.6'];

const COMBINATIONS = [
  ...HOOKS.flatMap((hook) =>
    (['fnat', 'dr'] as const).map((mode) => ({ hook, mode, eviction: 'lru' as const })),
  ),
  { hook: 'tc' as const, mode: 'fnat' as const, eviction: 'reject' as const },
];

function fromClient(src: string, sport: number, flag: TcpFlag): Uint8Array {
  const tcp = { sport, dport: 80, seq: 1000, ack: 9001, flags: [flag] };
  return buildFrame({
    ...MACS.fromClient,
    ipv4: { src, dst: NAMES['V']!, tcp },
  });
}

/** What a server answers to the SYN that it got. */
function synAck(syn: Uint8Array): Uint8Array {
  const view = new DataView(syn.buffer, syn.byteOffset);
  const tcp = {
    sport: 8080,
    dport: view.getUint16(34),
    seq: 9000,
    ack: 1001,
    flags: ['syn', 'ack'] as const,
  };
  const ends = { src: NAMES['B1']!, dst: formatIp(syn.subarray(26, 30)) };
  return buildFrame({ ...MACS.fromBackend, ipv4: { ...ends, tcp } });
}

/** SYNs from addresses of 10.0.0.0/8, each from another one. */
function* spoofed(): Generator<Uint8Array, never> {
  const frame = fromClient('10.0.0.0', 1, 'syn');
  const view = new DataView(frame.buffer, frame.byteOffset);
  for (let i = 1; ; i++) {
    // Scattered, and never the same twice; the checksums are nobody's business here.
    view.setUint32(26, 0x0a00_0000 | ((i * 7_919_731) & 0xff_ffff));
    yield frame;
  }
}

describe(`a flood of SYNs${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '').each(COMBINATIONS)(
    `leaves 1,000 established flows and lets handshakes through: $hook, $mode, $eviction`,
    ({ hook, mode, eviction }) => {
      const isTwoWay = mode === 'fnat';
      const host = new PacketHost({ l4_ct: ENTRIES }, { rejectsWhenFull: eviction === 'reject' });
      const plane = new DataPlane(
        { mode, localAddresses: isTwoWay ? LOCALS : [], portRange: [1025, 65_535] },
        hook,
        host,
      );
      const flood = spoofed();
      const send = (count: number): void => {
        for (let i = 0; i < count; i++) plane.send(flood.next().value);
      };
      const shake = (src: string, sport: number, between: number): void => {
        const { verdict, data } = plane.send(fromClient(src, sport, 'syn'));
        expect(verdict).toBe('tx');
        send(between);
        if (isTwoWay) expect(plane.send(synAck(data)).verdict).toBe('tx');
        expect(plane.send(fromClient(src, sport, 'ack')).verdict).toBe('tx');
      };
      const states = (): number[] =>
        [...plane.loaded.map('l4_ct').entries()].map(([, { state }]) => state);
      const countOf = (state: number): number => states().filter((each) => each === state).length;
      const perFlow = isTwoWay ? 2 : 1;
      try {
        for (let i = 0; i < ESTABLISHED; i++) shake(NAMES['C']!, 1025 + i, 0);
        expect(countOf(STATES.ESTABLISHED)).toBe(ESTABLISHED * perFlow);
        send(FLOOD);
        expect(countOf(STATES.ESTABLISHED)).toBe(ESTABLISHED * perFlow);
        expect(countOf(STATES.SYN_RECV)).toBe(HALF_OPEN_MAX * perFlow);
        // Nearly as many SYNs as there is room for come between those of a handshake.
        shake('192.0.2.77', 1025, HALF_OPEN_MAX - 1);
        expect(countOf(STATES.ESTABLISHED)).toBe((ESTABLISHED + 1) * perFlow);

        const { conns, half_open } = plane.loaded.map('l4_scnt').get(SERVICE)!;
        expect({ conns, half_open }).toEqual({
          conns: states().length / perFlow,
          half_open: countOf(STATES.SYN_RECV) / perFlow,
        });
        expect(Number(plane.drops()[DROP_REASONS.half_open])).toBeGreaterThan(
          FLOOD - HALF_OPEN_MAX - ESTABLISHED,
        );
        // Loads the control program with an LRU, as it is by default.
        if (eviction === 'lru') {
          expect(plane.collect()).toMatchObject({ orphans: 0, corrected: 0 });
        }
      } finally {
        plane.close();
        host.close();
      }
    },
    600_000,
  );
});
