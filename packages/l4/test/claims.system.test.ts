/** Ports of local addresses until there are none left. */
import { buildFrame } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { DROP_REASONS } from '../src/constants.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { HOOKS, PacketHost, type Hook } from '../tools/packets/packet-host.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
/** Room for two entries of each flow, and for those that the kernel's LRU keeps free on each CPU. */
const ENTRIES = 400_000;
const SPORT_OFFSET = 34;

/** SYNs of as many flows as are asked for, each from a port or a client of its own. */
function* syns(): Generator<Uint8Array, never> {
  for (let client = 1; ; client++) {
    const src = `192.0.2.${client}`;
    const tcp = { sport: 0, dport: 80, flags: ['syn'] } as const;
    const frame = buildFrame({
      to: NAMES['L1']!,
      from: NAMES['R']!,
      ipv4: { src, dst: NAMES['V']!, tcp },
    });
    const view = new DataView(frame.buffer, frame.byteOffset);
    for (let sport = 1; sport < 65_536; sport++) {
      view.setUint16(SPORT_OFFSET, sport);
      yield frame;
    }
  }
}

/** Sends SYNs. @returns The address and port that each got, or the verdict if it was not sent. */
function claim(plane: DataPlane, flows: Generator<Uint8Array, never>, count: number): string[] {
  return Array.from({ length: count }, () => {
    const { verdict, data } = plane.send(flows.next().value);
    if (verdict !== 'tx') return verdict;
    const view = new DataView(data.buffer, data.byteOffset);
    return `${view.getUint32(26)} ${view.getUint16(SPORT_OFFSET)}`;
  });
}

function withPlane(
  options: {
    readonly hook: Hook;
    readonly localAddresses: readonly string[];
    readonly portRange: readonly [number, number];
  },
  action: (plane: DataPlane) => void,
): void {
  const { hook, localAddresses, portRange } = options;
  const host = new PacketHost({ l4_ct: ENTRIES, l4_half: ENTRIES });
  const plane = new DataPlane({ mode: 'fnat', localAddresses, portRange }, hook, host);
  try {
    action(plane);
  } finally {
    plane.close();
    host.close();
  }
}

describe.skipIf(NO_ROOT !== '')(`ports of a local address${NO_ROOT}`, () => {
  test.each(HOOKS)(
    'are all used: 64,000 flows of 64,511 ports to one backend, then no_port: %s',
    (hook) => {
      const localAddresses = [NAMES['LIP']!];
      withPlane({ hook, localAddresses, portRange: [1025, 65_535] }, (plane) => {
        const flows = syns();
        const claims = claim(plane, flows, 64_000);
        expect(claims.filter((each) => each === 'drop')).toEqual([]);
        expect(new Set(claims).size).toBe(64_000);
        // The search ends after 4096 tries, so that the last few may be missed.
        const rest = claim(plane, flows, 4000).filter((each) => each !== 'drop');
        expect(rest.length).toBeLessThanOrEqual(511);
        expect(rest.length).toBeGreaterThan(450);
        expect(plane.drops()[DROP_REASONS.no_port]).toBe(BigInt(4000 - rest.length));
      });
    },
  );

  test.each(HOOKS)('are followed by those of the next address: %s', (hook) => {
    const localAddresses = [NAMES['LIP']!, '198.51.100.6'];
    withPlane({ hook, localAddresses, portRange: [1025, 2024] }, (plane) => {
      const claims = claim(plane, syns(), 2000);
      expect(claims.filter((each) => each === 'drop')).toEqual([]);
      expect(new Set(claims).size).toBe(2000);
    });
  });

  test.each(HOOKS)('are found in a range whose size the step of the search divides: %s', (hook) => {
    withPlane(
      { hook, localAddresses: [NAMES['LIP']!], portRange: [1025, 1024 + 7919] },
      (plane) => {
        expect(new Set(claim(plane, syns(), 5000)).size).toBe(5000);
      },
    );
  });
});
