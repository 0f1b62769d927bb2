/**
 * The SYN proxy on both builds: whatever a SYN says, its answer carries a cookie that a model computes too,
 * what comes back becomes the same SYN towards the backend, and nothing else does.
 */
import * as fc from 'fast-check';
import { diffFrames } from '@balancer/ebpf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COOKIE_KEYS, DataPlane } from '../tools/packets/data-plane.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';
import { ENDS, MACS, tcpFrame } from './support/ends.ts';
import { COOKIE_MSS, isCookie, type Syn, synCookie } from './support/syn-cookie.ts';

const RUNS = process.env['BALANCER_TEST_LONG'] === undefined ? 150 : 10_000;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

const COMBINATIONS = HOOKS.flatMap((hook) => ENDS.map((ends) => ({ hook, ...ends })));

const NOP = [1, 1, 1, 1];

/** MSS, SACK permitted and scale, each in a word. */
function options(mss: number, { sack, scale }: Syn, ourScale: number): Uint8Array {
  return Uint8Array.from([
    2,
    4,
    mss >> 8,
    mss & 255,
    ...(sack ? [1, 1, 4, 2] : NOP),
    ...(scale === undefined ? NOP : [1, 3, 3, ourScale]),
  ]);
}

const syns = fc.record({
  sport: fc.integer({ min: 1, max: 65_535 }),
  seq: fc.nat(0xffff_ffff),
  mss: fc.nat(0xffff),
  scale: fc.option(fc.nat(14), { nil: undefined }),
  sack: fc.boolean(),
  /** Options in another order, with some that we do not know. */
  foreign: fc.array(
    fc.nat(0xffff).map((n) => [254, 4, n >> 8, n & 255]),
    { maxLength: 3 },
  ),
  payload: fc.uint8Array({ maxLength: 40 }),
  flip: fc.nat(31),
});

/** One for all: to load the programs takes longer than a test. */
let host: PacketHost;
beforeAll(() => {
  if (NO_ROOT === '') host = new PacketHost();
});
afterAll(() => host?.close());

/** The checksum of the answer is 0, which is the same as all ones and what others send. */
const ZERO_CHECKSUM = {
  sport: 65_520,
  seq: 1_951_623_389,
  mss: 1460,
  scale: 6,
  sack: true,
  foreign: [],
  payload: new Uint8Array(),
  flip: 0,
};

describe(`the SYN proxy${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '').each(COMBINATIONS)(
    'has cookies as the model does, and believes no others: $hook, $vip',
    ({ hook, client, vip, backend, local }) => {
      const plane = new DataPlane(
        {
          mode: 'fnat',
          vip,
          backends: [{ address: backend }],
          localAddresses: [local],
          portRange: [1025, 65_535],
          synproxy: 'client-first',
        },
        hook,
        host,
      );
      try {
        fc.assert(
          fc.property(syns, ({ sport, foreign, payload, flip, ...rest }) => {
            const syn: Syn = { src: client, dst: vip, sport, dport: 80, ...rest };
            const { seq, mss, scale, sack } = syn;
            const ports = { sport, dport: 80 };
            const asked = tcpFrame(
              MACS.fromClient,
              { src: client, dst: vip },
              {
                ...ports,
                seq,
                flags: ['syn', 'ece', 'cwr'],
                options: Uint8Array.from([
                  ...foreign.flat(),
                  ...(scale === undefined ? [] : [3, 3, scale]),
                  ...(sack ? [4, 2] : []),
                  2,
                  4,
                  mss >> 8,
                  mss & 255,
                ]),
                payload,
              },
            );
            const flows = plane.loaded.map('l4_ct');
            const entries = (): number => [...flows.entries()].length;
            for (const [key] of flows.entries()) flows.delete(key);
            const answer = plane.send(asked);
            const cookie = synCookie(COOKIE_KEYS[0], syn);
            expect(answer.verdict).toBe('tx');
            expect(
              diffFrames(
                tcpFrame(
                  MACS.toClient,
                  { src: vip, dst: client },
                  {
                    sport: 80,
                    dport: sport,
                    seq: cookie,
                    ack: (seq + 1) >>> 0,
                    flags: ['syn', 'ack'],
                    window: 0,
                    options: options(client.includes(':') ? 1440 : 1460, syn, 7),
                  },
                ),
                answer.data,
              ),
            ).toEqual([]);
            expect(entries()).toBe(0);

            const ack = (number: number): Uint8Array =>
              tcpFrame(
                MACS.fromClient,
                { src: client, dst: vip },
                {
                  ...ports,
                  seq: (seq + 1) >>> 0,
                  ack: (number + 1) >>> 0,
                  flags: ['psh', 'ack'],
                  payload,
                },
              );
            const other = (cookie ^ (1 << flip)) >>> 0;
            // One in half a million is right by chance.
            fc.pre(!isCookie(COOKIE_KEYS, syn, other));
            expect(plane.send(ack(other)).verdict).toBe('drop');
            expect(entries()).toBe(0);
            const opened = plane.send(ack(cookie));
            expect(opened.verdict).toBe('tx');
            expect(entries()).toBe(2);
            const flow = [...flows.entries()].find(([, { dir }]) => dir === 0)![1];
            expect(
              diffFrames(
                tcpFrame(
                  MACS.toBackend,
                  { src: local, dst: backend, ttl: 63 },
                  {
                    sport: flow.new_sport,
                    dport: 8080,
                    seq,
                    flags: ['syn'],
                    window: 65_535,
                    options: options(COOKIE_MSS.findLast((n) => n <= mss) ?? 536, syn, scale ?? 0),
                  },
                ),
                opened.data,
              ),
            ).toEqual([]);
          }),
          { numRuns: RUNS, examples: [[ZERO_CHECKSUM]] },
        );
      } finally {
        plane.close();
      }
    },
  );
});
