/**
 * How long does the garbage collection take to go over a table of a million entries?
 *
 * Fills the table with copies of one flow under different addresses, then runs `lb_gc`. Needs root and 300 MB.
 *
 *     npm run bench:collection -w packages/l4
 *
 * @module
 */
import { buildFrame } from '@balancer/ebpf';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';
import { median } from './scenarios.ts';

const ENTRIES = 1_000_000;
const BATCH = 10_000;
const ROUNDS = 5;
const KEY_BYTES = 40;
const VALUE_BYTES = 128;
/** Where the last words of addresses are: of keys, and of what packets become. */
const AT = { src: 12, dst: 28, newSrc: 36, newDst: 52, direction: 18 } as const;
const CLIENTS = 0x0b00_0000;
const LOCALS = 0x0c00_0000;

const tcp = { sport: 40_000, dport: 80, flags: ['syn'] } as const;
const SYN = buildFrame({
  to: NAMES['L1']!,
  from: NAMES['R']!,
  ipv4: { src: NAMES['C']!, dst: NAMES['V']!, tcp },
});

/** Copies the entries that are there until the table has as many as wanted. */
function fill({ maps }: DataPlane): void {
  const table = maps.get('l4_ct')!;
  const rows = [...table.keys()].map((key) => ({ key: key.slice(), value: table.lookup(key)! }));
  const flows = ENTRIES / rows.length;
  for (let at = 0; at < flows; at += BATCH) {
    for (const { key, value } of rows) {
      const isReply = value[AT.direction] === 1;
      const keys = new Uint8Array(BATCH * KEY_BYTES);
      const values = new Uint8Array(BATCH * VALUE_BYTES);
      for (let i = 0; i < BATCH; i++) {
        keys.set(key, i * KEY_BYTES);
        values.set(value, i * VALUE_BYTES);
        const k = new DataView(keys.buffer, i * KEY_BYTES);
        const v = new DataView(values.buffer, i * VALUE_BYTES);
        // Both entries of a flow lead to each other.
        k.setUint32(isReply ? AT.dst : AT.src, (isReply ? LOCALS : CLIENTS) + at + i);
        v.setUint32(isReply ? AT.newDst : AT.newSrc, (isReply ? CLIENTS : LOCALS) + at + i);
      }
      table.updateBatch({ count: BATCH, keys, values });
    }
  }
}

const setups: readonly Setup[] = [
  { mode: 'dr' },
  { mode: 'fnat', localAddresses: [NAMES['LIP']!], portRange: [1025, 65_535] },
];
for (const setup of setups) {
  const host = new PacketHost({ l4_ct: 2 ** 20 });
  const plane = new DataPlane(setup, 'xdp', host);
  plane.send(SYN);
  fill(plane);
  const times: number[] = [];
  let entries = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    ({ entries } = plane.collect());
    times.push(performance.now() - start);
  }
  const all = times.map((ms) => ms.toFixed(0)).join(' ');
  console.log(`${setup.mode}, ${entries} entries: ${median(times).toFixed(0)} ms (${all})`);
  plane.close();
  host.close();
}
