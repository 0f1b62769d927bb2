/** What the data plane reports by itself: a drop that the operator can mend, a next hop it had to ask for. */
import { buildFrame, RingBuffer, runOnCpu } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { readEvent, type DataPlaneEvent } from '../src/index.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';
import { MACS } from './support/ends.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

/** Sends SYNs from consecutive ports and returns what was reported. */
function eventsOf(
  setup: Setup,
  hook: (typeof HOOKS)[number],
  packets: number,
): (DataPlaneEvent | undefined)[] {
  const host = new PacketHost();
  const plane = new DataPlane(setup, hook, host);
  const events: (DataPlaneEvent | undefined)[] = [];
  try {
    const ring = new RingBuffer(plane.maps.get('l4_events')!);
    runOnCpu(() => {
      for (let i = 0; i < packets; i++) plane.send(syn(40_000 + i));
    });
    ring.poll((record) => events.push(readEvent(record)));
    ring.close();
    return events;
  } finally {
    plane.close();
    host.close();
  }
}

function syn(sport: number): Uint8Array {
  const tcp = { sport, dport: 80, flags: ['syn'] as const };
  return buildFrame({
    ...MACS.fromClient,
    ipv4: { src: NAMES['C']!, dst: NAMES['V']!, tcp },
  });
}

const NS_PER_S = 1_000_000_000n;

/** Those that are reported although one was less than a second before; the first is not among them. */
function early(events: readonly (DataPlaneEvent | undefined)[]): unknown[] {
  return events.filter((event, i) => i > 0 && event!.ns - events[i - 1]!.ns < NS_PER_S);
}

describe.skipIf(NO_ROOT !== '')(`events${NO_ROOT}`, () => {
  test.each(HOOKS)('a drop is reported once a second, with the tuple of the packet: %s', (hook) => {
    const setup: Setup = { mode: 'dr', backends: [{ address: NAMES['B1']!, weight: 0 }] };
    const events = eventsOf(setup, hook, 5);
    expect(events[0]).toMatchObject({
      type: 'drop',
      reason: 'no_backend',
      service: 1,
      source: '192.0.2.10',
      sourcePort: 40_000,
      destination: '203.0.113.1',
      destinationPort: 80,
      protocol: 'tcp',
      suppressed: 0,
    });
    expect(early(events)).toEqual([]);
  });

  test.each(HOOKS)('what clients send wrong is counted but not reported: %s', (hook) => {
    expect(eventsOf({ mode: 'dr', port: 81, owned: { V: 'drop' } }, hook, 3)).toEqual([]);
  });

  test.each(HOOKS)('a next hop that is not resolved is named: %s', (hook) => {
    const setup: Setup = { mode: 'dr', network: { addresses: ['10.0.0.1/24'] } };
    const events = eventsOf(setup, hook, 3);
    expect(events[0]).toMatchObject({ type: 'neighbour', nextHop: '10.0.0.11', suppressed: 0 });
    expect(early(events)).toEqual([]);
  });
});

describe('readEvent', () => {
  test('knows nothing of short records and of kinds of later releases', () => {
    expect(readEvent(new Uint8Array(71))).toBeUndefined();
    expect(readEvent(Uint8Array.of(99, ...new Uint8Array(71)))).toBeUndefined();
  });
});
