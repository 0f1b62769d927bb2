/**
 * Damaged packets in front of the translation between families: both builds, which move headers in quite different
 * ways, do the same with each of them, and go on working.
 */
import { buildFrame, type FrameSpec, type IcmpSpec } from '@balancer/ebpf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';

const RUNS = process.env['BALANCER_TEST_LONG'] === undefined ? 500 : 50_000;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

const { R, L1, L2, M1, C6, V6, B1, LIP } = NAMES;
const request = { sport: 40_000, dport: 80, seq: 1000, ack: 9001 } as const;
const answer = { sport: 8080, dport: 50_000, seq: 9000, ack: 1001 } as const;
const inFrame = (ipv6: Partial<FrameSpec['ipv6']>): FrameSpec => ({
  to: L1!,
  from: R!,
  ipv6: { src: C6!, dst: V6!, ...ipv6 },
});
const outFrame = (ipv4: Partial<FrameSpec['ipv4']>): FrameSpec => ({
  to: L2!,
  from: M1!,
  ipv4: { src: B1!, dst: LIP!, ...ipv4 },
});
const error4: IcmpSpec = {
  type: 3,
  code: 4,
  rest: 1400,
  about: { ipv4: { src: LIP!, dst: B1!, tcp: { sport: 50_000, dport: 8080 } }, bytes: 28 },
};
const error6: IcmpSpec = {
  type: 2,
  rest: 1400,
  about: { ipv6: { src: V6!, dst: C6!, tcp: { sport: 80, dport: 40_000 } }, bytes: 48 },
};

/** What is damaged: each kind of packet that the translation reads. */
const FRAMES = [
  inFrame({ tcp: { ...request, flags: ['ack'], payload: 'abcd' } }),
  inFrame({
    extensions: [
      { header: 0, data: new Uint8Array(6) },
      { header: 60, data: new Uint8Array(14) },
    ],
    tcp: { ...request, flags: ['ack'] },
  }),
  inFrame({ icmp: error6 }),
  outFrame({ tcp: { ...answer, flags: ['ack'], payload: 'abcd' } }),
  outFrame({ options: new Uint8Array(12).fill(1), tcp: { ...answer, flags: ['ack'] } }),
  outFrame({ icmp: error4 }),
].map((frame) => buildFrame(frame));
const SYN = buildFrame(inFrame({ tcp: { ...request, flags: ['syn'] } }));
const ETHERNET_BYTES = 14;
/** The kernel makes no test run at tc of an IPv6 frame with less. */
const LEAST_BYTES = ETHERNET_BYTES + 40;
/** Headers reach no further. */
const DAMAGED_BYTES = 110;

/** A frame with some bytes changed behind its Ethernet header, and maybe its end cut off. */
const damaged = fc
  .record({
    frame: fc.constantFrom(...FRAMES),
    changes: fc.array(fc.tuple(fc.nat(DAMAGED_BYTES), fc.nat(255)), { maxLength: 3 }),
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(60)),
  })
  .map(({ frame, changes, cut }) => {
    const bytes = frame.slice(0, Math.max(LEAST_BYTES, frame.length - cut));
    for (const [at, value] of changes) {
      if (ETHERNET_BYTES + at < bytes.length) bytes[ETHERNET_BYTES + at] = value;
    }
    return bytes;
  });

describe(`damaged packets of translated flows${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '')(
    `are dropped, passed or forwarded alike by both builds, ${RUNS} of them`,
    () => {
      const hosts = HOOKS.map(() => new PacketHost());
      const planes = HOOKS.map(
        (hook, i) =>
          new DataPlane(
            { mode: 'fnat', flags: ['nat64'], vip: V6!, localAddresses: [LIP!] },
            hook,
            hosts[i]!,
          ),
      );
      try {
        fc.assert(
          fc.property(damaged, (frame) => {
            const [xdp, tc] = planes.map((plane) => {
              // Whatever the packet before did to the flow.
              plane.send(SYN);
              const { verdict, data } = plane.send(frame);
              return { verdict, data: verdict === 'drop' ? '' : Buffer.from(data).toString('hex') };
            });
            expect(tc).toEqual(xdp);
          }),
          { numRuns: RUNS },
        );
      } finally {
        for (const plane of planes) plane.close();
        for (const host of hosts) host.close();
      }
    },
  );
});
