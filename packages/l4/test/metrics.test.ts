import { Metrics } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { registerL4Metrics } from '../src/metrics.ts';
import type { PlaneSnapshot } from '../src/statistics.ts';

const COUNTS = { conns: 3, inPackets: 10, outPackets: 8, inBytes: 1000, outBytes: 900 };
const SNAPSHOT: PlaneSnapshot = {
  numbers: {
    services: new Map([['tcp 203.0.113.1:80', 1]]),
    backends: new Map(),
    localRuns: new Map(),
  },
  services: new Map([[1, { ...COUNTS, flows: 2 }]]),
  backends: new Map(),
  localAddresses: new Map([
    [1, { address: '198.51.100.5', conns: 1, conflicts: 0, misses: 4 }],
    [2, { address: '198.51.100.5', conns: 1, conflicts: 0, misses: 1 }],
  ]),
  drops: { no_conn: { packets: 5, bytes: 300 } },
  flowsMax: 1024,
  collection: {
    entries: 6,
    removed: 0,
    orphans: 0,
    templates: 0,
    expired: 0,
    corrected: 0,
    seconds: 0.25,
  },
  interfaces: [{ name: 'eth0', ifindex: 2, hook: 'tc' }],
  programs: [{ program: 'lb_ingress', runs: 4, ns: 500 }],
  hookReason: '',
  unwatchedS: undefined,
};

describe('the metrics of the packet plane', () => {
  test('are what was counted', async () => {
    const metrics = new Metrics();
    registerL4Metrics({ isOpen: true, counters: { latest: SNAPSHOT } }, metrics);
    const lines = (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('balancer_l4_'));
    expect(lines.toSorted()).toEqual([
      'balancer_l4_conntrack_entries 6',
      'balancer_l4_conntrack_max 1024',
      'balancer_l4_drops_total{reason="no_conn"} 5',
      'balancer_l4_gc_seconds 0.25',
      'balancer_l4_hook_info{interface="eth0",hook="tc"} 1',
      'balancer_l4_new_flows_total{service="tcp 203.0.113.1:80"} 3',
      'balancer_l4_packets_total{service="tcp 203.0.113.1:80",direction="in"} 10',
      'balancer_l4_packets_total{service="tcp 203.0.113.1:80",direction="out"} 8',
      'balancer_l4_port_misses_total{lip="198.51.100.5"} 5',
      'balancer_l4_prog_ns{program="lb_ingress"} 125',
    ]);
  });

  test('name nothing while no plane runs', async () => {
    const metrics = new Metrics();
    registerL4Metrics({ isOpen: false, counters: { latest: SNAPSHOT } }, metrics);
    expect(await metrics.text()).not.toMatch(/^balancer_l4_\w+\{/m);
  });
});
