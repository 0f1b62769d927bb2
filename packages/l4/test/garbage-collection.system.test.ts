import { buildFrame } from '@balancer/ebpf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DROP_REASONS } from '../src/constants.ts';
import { collectGarbage } from '../src/garbage-collection.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { stateProblems } from '../tools/packets/observe.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES } from '../tools/packets/packet-case.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
/** CLOCK_MONOTONIC, as Node's own clock has it. */
const secondsFromNow = (s: number): bigint => process.hrtime.bigint() + BigInt(s) * 1_000_000_000n;

describe.skipIf(NO_ROOT !== '')(`garbage collection${NO_ROOT}`, () => {
  let host: PacketHost;
  let plane: DataPlane;
  /** Another data plane, with room for three flows. */
  let three: DataPlane;
  let threeHost: PacketHost;

  beforeEach(() => {
    host = new PacketHost();
    threeHost = new PacketHost();
    const ports = { localAddresses: [NAMES['LIP']!], portRange: [50_000, 50_100] } as const;
    three = new DataPlane({ mode: 'fnat', ...ports }, 'xdp', threeHost);
    plane = new DataPlane({ mode: 'fnat', localAddresses: [NAMES['LIP']!] }, 'xdp', host);
  });

  afterEach(() => {
    plane.close();
    host.close();
    three.close();
    threeHost.close();
  });

  const collect = (seconds: number): unknown =>
    collectGarbage(plane.control.program('lb_gc'), secondsFromNow(seconds));

  test('keeps a flow within its time-out and removes it afterwards, with port and counters', () => {
    expect(plane.send(syn(40_000)).verdict).toBe('tx');
    expect(collect(29)).toMatchObject({ entries: 2, removed: 0, orphans: 0 });
    expect(plane.send(syn(40_001)).verdict).toBe('drop');
    expect(collect(31)).toEqual(expect.objectContaining({ removed: 1, orphans: 0 }));
    expect(stateProblems(plane, { entries: 0, active: 0, inactive: 0 })).toEqual([]);
    // The only port of the range is free again.
    expect(plane.send(syn(40_001)).verdict).toBe('tx');
  });

  test('counts again what was evicted, so that counters are right after one pass', () => {
    for (const port of [40_000, 40_001, 40_002]) {
      expect(three.send(syn(port)).verdict).toBe('tx');
    }
    const before = { inactive: 3, serviceConns: 3, halfOpen: 3, lipConns: 3 };
    expect(stateProblems(three, before)).toEqual([]);
    const flows = three.maps.get('l4_ct')!;
    const evicted = [...flows.keys()].find((key) => key[32] === 156 && key[33] === 65)!;
    flows.delete(evicted);
    expect(three.collect()).toMatchObject({ removed: 0, corrected: 4 });
    const after = { inactive: 2, serviceConns: 2, halfOpen: 2, lipConns: 2, entries: 5 };
    expect(stateProblems(three, after)).toEqual([]);
    expect(three.collect()).toMatchObject({ corrected: 0 });
  });

  test('removes a reply whose flow was evicted', () => {
    plane.send(syn(40_000));
    const flows = plane.maps.get('l4_ct')!;
    const forward = [...flows.keys()].find((key) => key[34] === 0 && key[35] === 80)!;
    flows.delete(forward);
    expect(collect(29)).toMatchObject({ entries: 1, removed: 0, orphans: 0 });
    expect(collect(31)).toMatchObject({ entries: 1, removed: 0, orphans: 1 });
  });
});

describe.skipIf(NO_ROOT !== '')(`a table that refuses instead of evicting${NO_ROOT}`, () => {
  test.each(HOOKS)('a flow that does not fit is dropped and leaves nothing: %s', (hook) => {
    const host = new PacketHost({ l4_ct: 3 }, { rejectsWhenFull: true });
    const ports = { localAddresses: [NAMES['LIP']!], portRange: [50_000, 50_100] } as const;
    const plane = new DataPlane({ mode: 'fnat', ...ports }, hook, host);
    try {
      expect(plane.send(syn(40_000)).verdict).toBe('tx');
      expect(plane.send(syn(40_001)).verdict).toBe('drop');
      expect(plane.drops()[DROP_REASONS.ct_full]).toBe(1n);
      const left = { entries: 2, lipConns: 1, inactive: 1, serviceConns: 1, misses: 0 };
      expect(stateProblems(plane, left)).toEqual([]);
    } finally {
      plane.close();
      host.close();
    }
  });
});

function syn(sport: number): Uint8Array {
  return buildFrame({
    to: NAMES['L1']!,
    from: NAMES['R']!,
    ipv4: { src: NAMES['C']!, dst: NAMES['V']!, tcp: { sport, dport: 80, flags: ['syn'] } },
  });
}
