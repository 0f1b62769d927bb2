/**
 * Whatever segments of a flow look like whose backend is told the client's address: checksums of what leaves are
 * right, the content is what came, and what is put in stands where it belongs.
 */
import * as fc from 'fast-check';
import { type TcpFlag, wrongChecksums } from '@balancer/ebpf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DROP_REASONS } from '../src/constants.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import type { Setup } from '../tools/packets/packet-case.ts';
import { HOOKS, PacketHost, type Hook } from '../tools/packets/packet-host.ts';
import { ENDS, ENDS4, type Ends, MACS, tcpFrame } from './support/ends.ts';

const RUNS = process.env['BALANCER_TEST_LONG'] === undefined ? 30 : 3000;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

const ISN = 0xffff_fff0;
const CLIENT_PORT = 40_000;
const LOCAL_PORT = 50_000;
const HEADER_BYTES = { 4: 28, 6: 52 } as const;

const options = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.constant(Uint8Array.from([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])),
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(
      fc.oneof(
        fc.constant([1]),
        fc.constant([254, 8, 1, 2, 3, 4, 5, 6]),
        fc.constant([5, 10, 0, 0, 4, 80, 0, 0, 5, 80]),
        fc.constant([8, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
      ),
      { maxLength: 6 },
    )
    .map((parts) => Uint8Array.from(parts.flat()).subarray(0, 40)),
);
const segments = fc.array(
  fc.record({
    fromClient: fc.boolean(),
    relative: fc.oneof(fc.constant(0), fc.integer({ min: -2, max: 3000 })),
    acknowledged: fc.integer({ min: 0, max: 3000 }),
    flags: fc.constantFrom<readonly TcpFlag[]>(['ack'], ['psh', 'ack'], ['ack', 'urg']),
    payload: fc.uint8Array({ maxLength: 1400, size: 'max' }),
    options,
  }),
  { minLength: 1, maxLength: 12 },
);

type Segment = typeof segments extends fc.Arbitrary<readonly (infer T)[]> ? T : never;

/** A segment to send. */
interface Sent {
  readonly fromClient: boolean;
  readonly flags: readonly TcpFlag[];
  readonly seq: number;
  readonly ack?: number;
  readonly payload?: Uint8Array;
  readonly options?: Uint8Array;
}

/** A frame of the client, or of the backend. */
function frameOf({ client, vip, local, backend }: Ends, { fromClient, ...tcp }: Sent): Uint8Array {
  return fromClient
    ? tcpFrame(
        MACS.fromClient,
        { src: client, dst: vip },
        { sport: CLIENT_PORT, dport: 80, ...tcp },
      )
    : tcpFrame(
        MACS.fromBackend,
        { src: backend, dst: local },
        { sport: 8080, dport: LOCAL_PORT, ...tcp },
      );
}

/** Content of a segment's frame. */
function contentOf(frame: Uint8Array, family: 4 | 6): Buffer {
  const start = 14 + (family === 4 ? 20 : 40);
  return Buffer.from(frame.subarray(start + (frame[start + 12]! >> 4) * 4));
}

/** Kinds of the options in a segment's frame, as far as they make sense. */
function optionKinds(frame: Uint8Array, family: 4 | 6): number[] {
  const start = 14 + (family === 4 ? 20 : 40);
  const bytes = frame.subarray(start + 20, start + (frame[start + 12]! >> 4) * 4);
  const kinds: number[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const length = bytes[at] === 1 ? 1 : (bytes[at + 1] ?? 0);
    if (bytes[at] !== 1 && (length < 2 || at + length > bytes.length)) break;
    kinds.push(bytes[at]!);
    at += length;
  }
  return kinds;
}

function handshake(plane: DataPlane, ends: Ends): void {
  plane.send(frameOf(ends, { fromClient: true, flags: ['syn'], seq: ISN }));
  const synAck = { flags: ['syn', 'ack'] as const, seq: 9000, ack: (ISN + 1) >>> 0 };
  plane.send(frameOf(ends, { fromClient: false, ...synAck }));
}

function send(plane: DataPlane, ends: Ends, segment: Segment): Uint8Array {
  const { fromClient, relative, acknowledged, ...rest } = segment;
  const forward = (ISN + 1 + relative) >>> 0;
  const numbers = fromClient
    ? { seq: forward, ack: 9001 }
    : { seq: 9001, ack: (ISN + 1 + acknowledged) >>> 0 };
  const { verdict, data } = plane.send(frameOf(ends, { fromClient, ...rest, ...numbers }));
  expect(verdict).toBe('tx');
  expect(wrongChecksums(data)).toEqual([]);
  return data;
}

function* combinations(): Generator<{ hook: Hook; flag: 'toa' | 'proxy'; ends: Ends }> {
  for (const hook of HOOKS) {
    for (const flag of ['toa', 'proxy'] as const) {
      for (const ends of ENDS) yield { hook, flag, ends };
    }
  }
}

/** One for all: to load the programs takes longer than a test. */
let host: PacketHost;
beforeAll(() => {
  if (NO_ROOT === '') host = new PacketHost();
});
afterAll(() => host?.close());

describe(`segments that tell the client's address${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '').each([...combinations()])(
    'have right checksums and the content that came: $hook, $flag, $ends.family',
    ({ hook, flag, ends }) => {
      const setup: Setup = {
        mode: 'fnat',
        vip: ends.vip,
        backends: [{ address: ends.backend }],
        localAddresses: [ends.local],
        flags: [flag],
      };
      const plane = new DataPlane(setup, hook, host);
      const flows = plane.loaded.map('l4_ct');
      try {
        fc.assert(
          fc.property(segments, (list) => {
            for (const [key] of flows.entries()) flows.delete(key);
            handshake(plane, ends);
            for (const segment of list) {
              const data = send(plane, ends, segment);
              const content = contentOf(data, ends.family);
              const header = flag === 'proxy' ? HEADER_BYTES[ends.family] : 0;
              const isAhead = content.length === segment.payload.length + header;
              if (isAhead && header > 0) expect(content.indexOf('\r\n\r\n\0\r\nQUIT\n')).toBe(0);
              // As text: to compare bytes one by one takes longer than all the rest.
              expect(content.subarray(isAhead ? header : 0).toString('hex')).toBe(
                Buffer.from(segment.payload).toString('hex'),
              );
              const own = optionKinds(data, ends.family).filter((kind) => kind === 254);
              if (flag === 'toa' && segment.fromClient) expect(own.length).toBeLessThanOrEqual(1);
            }
          }),
          { numRuns: RUNS },
        );
      } finally {
        plane.close();
      }
    },
  );

  describe('in packets that the card is still to cut', () => {
    const offload = { gsoSize: 1000, gsoSegments: 3 };
    const payload = new Uint8Array(3000).fill(97);
    const SEGMENT = { fromClient: true, flags: ['ack'] as const, seq: (ISN + 1) >>> 0, ack: 9001 };

    /** A flow with its handshake, and what becomes of its client's next packets. */
    const withFlow = (
      flag: 'toa' | 'proxy',
      use: (plane: DataPlane, send: DataPlane['send']) => void,
    ): void => {
      const plane = new DataPlane(
        { mode: 'fnat', localAddresses: [ENDS4.local], flags: [flag] },
        'tc',
        host,
      );
      try {
        handshake(plane, ENDS4);
        use(plane, (frame, given) => plane.send(frame, given));
      } finally {
        plane.close();
      }
    };
    const seqOf = (frame: Uint8Array): number => Buffer.from(frame).readUInt32BE(14 + 20 + 4);

    test.skipIf(NO_ROOT !== '')('TOA is left out, and that of a client taken out', () => {
      withFlow('toa', (plane, send) => {
        const lie = Uint8Array.from([254, 8, 1, 2, 3, 4, 5, 6]);
        const { verdict, data } = send(
          frameOf(ENDS4, { ...SEGMENT, payload, options: lie }),
          offload,
        );
        expect(verdict).toBe('tx');
        expect(wrongChecksums(data)).toEqual([]);
        expect(optionKinds(data, 4)).toEqual(Array(8).fill(1));
        expect(contentOf(data, 4)).toEqual(Buffer.from(payload));
        expect(plane.drops()[DROP_REASONS.toa_fail]).toBe(0n);
      });
    });

    test.skipIf(NO_ROOT !== '')('a PROXY header that is due is waited for', () => {
      withFlow('proxy', (plane, send) => {
        expect(send(frameOf(ENDS4, { ...SEGMENT, payload }), offload).verdict).toBe('drop');
        expect(plane.drops()[DROP_REASONS.pp_gso]).toBe(1n);
        const again = send(frameOf(ENDS4, { ...SEGMENT, payload: payload.subarray(0, 1000) }));
        expect(contentOf(again.data, 4).length).toBe(1028);
      });
    });

    test.skipIf(NO_ROOT !== '')('numbers are shifted behind one that was sent', () => {
      withFlow('proxy', (_, send) => {
        expect(contentOf(send(frameOf(ENDS4, SEGMENT)).data, 4).length).toBe(28);
        const { verdict, data } = send(frameOf(ENDS4, { ...SEGMENT, payload }), offload);
        expect(verdict).toBe('tx');
        expect(wrongChecksums(data)).toEqual([]);
        expect(seqOf(data)).toBe((ISN + 1 + 28) >>> 0);
        expect(contentOf(data, 4)).toEqual(Buffer.from(payload));
      });
    });
  });
});
