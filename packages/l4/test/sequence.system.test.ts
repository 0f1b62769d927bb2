/**
 * Segments of flows whose ends count differently: numbers, acknowledgements, selective acknowledgements and
 * windows become those of the other end, and the checksum is right without summing up anew.
 */
import * as fc from 'fast-check';
import { diffFrames, type FrameSpec, type TcpSpec } from '@balancer/ebpf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FLOW_FLAGS } from '../src/index.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { HOOKS, PacketHost, type Hook } from '../tools/packets/packet-host.ts';
import { ENDS, type Ends, MACS, tcpFrame } from './support/ends.ts';

const RUNS = process.env['BALANCER_TEST_LONG'] === undefined ? 200 : 10_000;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

interface Combination {
  readonly hook: Hook;
  readonly mode: 'nat' | 'fnat';
  readonly ends: Ends;
}

const COMBINATIONS: readonly Combination[] = HOOKS.flatMap((hook) =>
  (['nat', 'fnat'] as const).flatMap((mode) => ENDS.map((ends) => ({ hook, mode, ends }))),
);

const number = fc.nat(0xffff_ffff);
const scale = fc.nat(14);

/** An option list in which the edges of blocks may begin anywhere, with the offsets of the edges. */
const options = fc
  .record({
    before: fc.array(
      fc.oneof(
        fc.constant([1]),
        fc.nat(0xffff).map((value) => [254, 4, value >> 8, value & 0xff]),
      ),
      { maxLength: 4 },
    ),
    edges: fc.array(number, { maxLength: 6 }),
    timestamp: fc.boolean(),
  })
  .map(({ before, edges, timestamp }) => {
    const head = before.flat();
    const sack = edges.length === 0 ? [] : [5, 2 + 4 * edges.length];
    const at = head.length + sack.length;
    const room = 40 - at;
    const kept = edges.slice(0, Math.floor(room / 4));
    if (sack.length > 0) sack[1] = 2 + 4 * kept.length;
    const used = at + 4 * kept.length;
    const tail = timestamp && used <= 30 ? [8, 10, 1, 2, 3, 4, 5, 6, 7, 8] : [];
    return (shift: (edge: number) => number): Uint8Array => {
      const words = kept.flatMap((edge) => bigEndian(shift(edge)));
      return Uint8Array.from([...head, ...sack, ...words, ...tail]);
    };
  });

const segments = fc.record({
  isReply: fc.boolean(),
  seq: number,
  ack: number,
  window: fc.nat(0xffff),
  flags: fc.constantFrom<NonNullable<TcpSpec['flags']>>(
    ['ack'],
    ['psh', 'ack'],
    ['syn', 'ack'],
    [],
    ['fin', 'ack'],
    ['rst'],
  ),
  options,
  payload: fc.uint8Array({ maxLength: 60 }),
  seqDelta: number,
  ackDelta: number,
  wscaleLb: scale,
  wscaleRs: scale,
});
type Segment = typeof segments extends fc.Arbitrary<infer T> ? T : never;

const bigEndian = (n: number): number[] => [n >>> 24, (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff];
const add = (a: number, b: number): number => (a + b) >>> 0;

interface Tuple {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
}

function frame(macs: FrameSpec, { src, dst, ...ports }: Tuple, tcp: object, ttl = 64): Uint8Array {
  return tcpFrame(macs, { src, dst, ttl }, { ...ports, ...tcp });
}

/** Puts the shifts of a segment into the entry that it will find. */
function adjust(plane: DataPlane, segment: Segment): void {
  const flows = plane.loaded.map('l4_ct');
  for (const [key, flow] of flows.entries()) {
    if ((flow.dir === 1) !== segment.isReply) continue;
    flows.set(key, {
      ...flow,
      flags: FLOW_FLAGS.sequenceAdjusted,
      seq_delta: segment.seqDelta,
      ack_delta: segment.ackDelta,
      wscale_lb: segment.wscaleLb,
      wscale_rs: segment.wscaleRs,
    });
  }
}

function shifted(segment: Segment): object {
  const { seq, ack, flags, window, wscaleLb, wscaleRs, payload } = segment;
  const isAck = flags.includes('ack');
  const delta = isAck ? segment.ackDelta : 0;
  const units = Math.floor((window * 2 ** wscaleRs) / 2 ** wscaleLb);
  return {
    seq: add(seq, segment.seqDelta),
    ack: add(ack, delta),
    window: flags.includes('syn') ? window : Math.min(units, 0xffff),
    flags,
    options: segment.options((edge) => add(edge, delta)),
    payload,
  };
}

/** One for all: to load the programs takes longer than a test. */
let host: PacketHost;
beforeAll(() => {
  if (NO_ROOT === '') host = new PacketHost();
});
afterAll(() => host?.close());

describe(`sequence numbers of flows whose ends count differently${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '').each(COMBINATIONS)(
    'are shifted: $hook, $mode, $ends.vip',
    ({ hook, mode, ends: { client, vip, backend, local } }) => {
      const setup = { mode, vip, backends: [{ address: backend }], localAddresses: [local] };
      const plane = new DataPlane(setup, hook, host);
      const source = mode === 'nat' ? client : local;
      const sport = mode === 'nat' ? 40_000 : 50_000;
      const outside = { src: client, sport: 40_000, dst: vip, dport: 80 };
      const inside = { src: source, sport, dst: backend, dport: 8080 };
      const reverse = ({ src, dst, ...ports }: Tuple): Tuple => ({
        src: dst,
        sport: ports.dport,
        dst: src,
        dport: ports.sport,
      });
      try {
        plane.send(frame(MACS.fromClient, outside, { flags: ['syn'] }));
        fc.assert(
          fc.property(segments, (segment) => {
            adjust(plane, segment);
            const { isReply, seq, ack, window, flags, payload } = segment;
            const bytes = segment.options((edge) => edge);
            const tcp = { seq, ack, window, flags, options: bytes, payload };
            const [sent, wanted] = isReply
              ? [
                  frame(MACS.fromBackend, reverse(inside), tcp),
                  frame(MACS.toClient, reverse(outside), shifted(segment), 63),
                ]
              : [
                  frame(MACS.fromClient, outside, tcp),
                  frame(MACS.toBackend, inside, shifted(segment), 63),
                ];
            const { verdict, data } = plane.send(sent);
            expect(verdict).toBe('tx');
            expect(diffFrames(wanted, data)).toEqual([]);
          }),
          { numRuns: RUNS },
        );
      } finally {
        plane.close();
      }
    },
  );
});
