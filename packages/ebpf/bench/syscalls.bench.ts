/**
 * What does a call into the kernel cost from TypeScript, and where does the time go?
 *
 * Floors of the same run: the cheapest system call through the same binding, and a look-up in a
 * JavaScript `Map`. Compared with them: looking up, updating and deleting map entries by bytes and with
 * codecs, batches per entry, a test run per call and per packet. Needs root.
 *
 *     npm run bench -w packages/ebpf
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { bench, do_not_optimize, group, run, summary } from 'mitata';
import { BpfMap, loadObject } from '@balancer/ebpf';
import type { PacketCount } from '../bpf/objects/packet-count.types.ts';
import { BPF, BpfAttr, tryBpf } from '../src/bpf-call.ts';

const ENTRIES = 10_000;

const options = {
  name: 'bench',
  type: 'hash',
  keySize: 8,
  valueSize: 64,
  maxEntries: ENTRIES,
} as const;
const map = BpfMap.create(options);
const keys = new Uint8Array(BigUint64Array.from({ length: ENTRIES }, (_, i) => BigInt(i)).buffer);
const values = new Uint8Array(ENTRIES * options.valueSize).fill(7);
map.updateBatch({ count: ENTRIES, keys, values });

const javascript = new Map(Array.from({ length: ENTRIES }, (_, i) => [i, i]));
const key = keys.slice(0, 8);
const value = values.slice(0, 64);
const invalid = new BpfAttr(8);

const loaded = loadObject<PacketCount>(
  readFileSync(new URL('../bpf/objects/packet-count.o', import.meta.url)),
);
const counters = loaded.map('counters');
const program = loaded.program('count_packets');
const frame = new Uint8Array(60);

summary(() => {
  group('one map entry (hash, key 8, value 64)', () => {
    bench('floor: bpf(2) that fails at once', () => tryBpf(BPF.mapFreeze, invalid)).baseline();
    bench('floor: Map.get', () => do_not_optimize(javascript.get(77)));
    bench('look up', () => do_not_optimize(map.lookup(key)));
    bench('update', () => map.update(key, value));
    bench('delete and update', () => {
      map.delete(key);
      map.update(key, value);
    });
    bench('look up, typed, per-CPU', () => do_not_optimize(counters.get(6)));
  });
});

summary(() => {
  group(`${ENTRIES} map entries at once`, () => {
    bench('read in batches', () => {
      for (const batch of map.batches()) do_not_optimize(batch);
    }).baseline();
    bench('read by key', () => {
      for (const k of map.keys()) do_not_optimize(map.lookup(k));
    });
    bench('update in one batch', () => map.updateBatch({ count: ENTRIES, keys, values }));
  });
});

summary(() => {
  group('test runs of an XDP program', () => {
    bench('1 packet a call', () => do_not_optimize(program.testRun({ data: frame }))).baseline();
    // With more than one run the kernel first rewrites its XDP dispatcher and waits for RCU, which
    // takes tens of milliseconds however many runs follow.
    bench('100 000 packets a call', () => {
      do_not_optimize(program.testRun({ data: frame, repeat: 100_000 }));
    });
  });
});

await run();
const { durationNs } = program.testRun({ data: frame, repeat: 1_000_000 });
console.log(
  `the program itself: ${durationNs} ns a packet, by the kernel's clock over 1 000 000 runs`,
);
loaded.close();
map.close();
