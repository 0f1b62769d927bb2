/**
 * Packets of many flows, made in the kernel: a program writes the next packet over the frame and hands it to
 * the program under test, run after run, without user space in between. Caches hold what they hold on a
 * busy interface.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import {
  buildFrame,
  encode,
  loadObject,
  parseIp,
  u32Codec,
  xdpContext,
  type BpfMap,
  type LoadedObject,
  type Program,
  type TcpFlag,
} from '@balancer/ebpf';
import { floorLayout, type Floor as FloorObject } from '../bpf/objects/floor.types.ts';
import { NAMES } from '../tools/packets/packet-case.ts';

/** Frames of a series; `bpf/floor.bpf.c` writes as many bytes. */
const FRAME_BYTES = 64;
/** Port of the first service. */
export const FIRST_SERVICE = 80;
/** The golden ratio's share of 2^32: flows that follow each other are far apart in the series. */
const STRIDE = 0x9e37_79b1;
const OBJECT = readFileSync(new URL('../bpf/objects/floor.o', import.meta.url));

export interface SeriesOptions {
  /** Different flows, a power of two; each comes once before any comes twice. */
  readonly flows: number;
  readonly flags: readonly TcpFlag[];
  /** Address of the first 16,384 flows; the next have its successors. */
  readonly client: string;
  /** Flow to begin with, in the order of the series; the first by default. */
  readonly from?: number;
  /** Services that the flows go to, on ports that follow each other; one by default. */
  readonly services?: number;
}

/** What the benchmarks compare with: a table of bare programs, and the source of packets. */
export class Floor {
  readonly object: LoadedObject<FloorObject>;

  /**
   * @param entries - Size of the table of the programs that keep flows.
   * @param flows - The table itself, to walk over that of another program.
   */
  constructor(entries: number, flows?: BpfMap) {
    this.object = loadObject<FloorObject>(OBJECT, {
      layout: floorLayout,
      maxEntries: { flows: entries },
      ...(flows && { maps: { flows } }),
    });
  }

  close(): void {
    this.object.close();
  }

  /** Begins a series. */
  begin({ flows, flags, client, from = 0, services = 1 }: SeriesOptions): void {
    const frame = new Uint8Array(FRAME_BYTES);
    const tcp = { sport: 1024, dport: FIRST_SERVICE, seq: 1, ack: 1, flags };
    const { L1, R, V } = NAMES;
    frame.set(buildFrame({ to: L1!, from: R!, ipv4: { src: client, dst: V!, tcp } }));
    this.object.map('series').set(0, {
      frame: Array.from(new BigUint64Array(frame.buffer)),
      next: from,
      mask: flows - 1,
      stride: STRIDE,
      client: Buffer.from(parseIp(client)).readUInt32BE(),
      services,
    });
  }

  /** Mean ns of a packet, over the next `count` of the series; making it is part of that. */
  run(subject: Program, count: number): number {
    this.object.maps.get('subject')!.update(encode(u32Codec, 0), encode(u32Codec, subject.fd));
    const data = new Uint8Array(FRAME_BYTES);
    const context = xdpContext({ dataBytes: FRAME_BYTES, ifindex: 1 });
    return this.object.program('generate').testRun({ data, context, repeat: count }).durationNs;
  }

  /** Goes once over the table; puts all flows into a state, when one is given. Returns the entries. */
  walk(state = 0): number {
    const context = new Uint8Array(Uint32Array.of(state, 0).buffer);
    const { context: result } = this.object.program('walk_flows').testRun({ context });
    return new DataView(result.buffer).getUint32(4, true);
  }
}
