/** Random rules against a model of them: the first that matches gives the service, on both builds. */
import { parseIp } from '@balancer/ebpf';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { familyOf, MODES, PROTOCOLS, SERVICE_FLAGS, toMapAddress } from '../src/index.ts';
import { fullRange, matchOf } from '../src/match.ts';
import { createRules, matchFilter, type PlaneRule } from '../src/match-map.ts';
import { EMPTY_SERVICE } from '../src/records.ts';
import { createTable } from '../src/selection-map.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { frameBytes, NAMES } from '../tools/packets/packet-case.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';
import { MACS } from './support/ends.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root to load programs)';
const RUNS = process.env['BALANCER_TEST_LONG'] === '1' ? 400 : 25;
const RULES_MOST = 8;
const NETWORK = {
  addresses: ['198.51.100.1/24'],
  routes: [{ destination: '192.0.2.0/24', gateway: '198.51.100.254' }],
  neighbours: [{ address: '198.51.100.254', mac: NAMES['M1']! }],
};

interface Packet {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly protocol: 'tcp' | 'udp';
}

/** Few different numbers, so that rules meet packets, and ends of ranges meet both. */
const host = fc.integer({ min: 1, max: 12 }).map((last) => `10.0.${last % 3}.${last}`);
const target = fc.integer({ min: 1, max: 9 }).map((last) => `192.0.2.${last}`);
const port = fc.integer({ min: 100, max: 106 });
const protocol = fc.constantFrom('tcp' as const, 'udp' as const);

const rangeOf = (address: fc.Arbitrary<string>): fc.Arbitrary<string> => {
  const range = fc.tuple(address, address).map((ends) => {
    const [first, last] = ends.toSorted((a, b) => Buffer.compare(parseIp(a), parseIp(b)));
    return `${first}-${last}`;
  });
  const prefix = fc.tuple(address, fc.integer({ min: 20, max: 32 })).map((p) => p.join('/'));
  const ports = fc.tuple(port, port).map(([a, b]) => `:${Math.min(a, b)}-${Math.max(a, b)}`);
  return fc
    .tuple(fc.oneof(range, prefix, address, fc.constant('')), fc.oneof(ports, fc.constant('')))
    .map((parts) => parts.join(''));
};
const rule = fc.record({
  protocol,
  srcRange: rangeOf(host),
  dstRange: rangeOf(target),
  iif: fc.constantFrom('', '', 'L1', 'L2'),
  oif: fc.constantFrom('', '', 'L1', 'L2'),
  isLeaving: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
});
type Rule = typeof rule extends fc.Arbitrary<infer T> ? T : never;
const packet: fc.Arbitrary<Packet> = fc.record({
  src: host,
  sport: port,
  dst: target,
  dport: port,
  protocol,
});

/** Number of the rule that takes a packet, from 1; 0 when none does. Packets come in by L1, and go out by L2. */
function model(rules: readonly Rule[], sent: Packet): number {
  const isIn = (text: string, address: string, number: number): boolean => {
    const { first, last, ports } = fullRange(matchOf({ srcRange: text }).src, 4);
    const bytes = parseIp(address);
    return (
      Buffer.compare(first, bytes) <= 0 &&
      Buffer.compare(bytes, last) <= 0 &&
      ports[0] <= number &&
      number <= ports[1]
    );
  };
  return (
    rules.findIndex(
      (each) =>
        !each.isLeaving &&
        each.protocol === sent.protocol &&
        each.iif !== 'L2' &&
        each.oif !== 'L1' &&
        isIn(each.srcRange, sent.src, sent.sport) &&
        isIn(each.dstRange, sent.dst, sent.dport),
    ) + 1
  );
}

describe.skipIf(NO_ROOT !== '')(`rules${NO_ROOT}`, () => {
  let packetHost: PacketHost;
  beforeAll(() => {
    packetHost = new PacketHost();
  });
  afterAll(() => packetHost?.close());

  test.each(HOOKS)('give the service of the first that matches, as a model does, on %s', (hook) => {
    const plane = new DataPlane(
      {
        mode: 'snat',
        rules: [{}],
        portRange: [1000, 60_000],
        filter: true,
        backends: Array.from({ length: RULES_MOST }, (_, i) => ({ address: `203.0.113.${i + 1}` })),
        network: NETWORK,
      },
      hook,
      packetHost,
    );
    const { loaded } = plane;
    // Each rule has a service of its own, and that an address of its own.
    for (let id = 1; id <= RULES_MOST; id++) {
      const flags = SERVICE_FLAGS.enabled | SERVICE_FLAGS.snat | SERVICE_FLAGS.anyPort;
      const fields = { flags, scheduler: 1, protocol: 6, family: 4, sel_len: 1, lip_count: 1 };
      loaded.map('l4_svc').set(id, { ...EMPTY_SERVICE, ...fields });
      using table = createTable('l4_sel', Uint32Array.of(id));
      loaded.map('l4_sel').set(id, table.fd);
      const backend = loaded.map('l4_be').get(id)!;
      loaded.map('l4_be').set(id, { ...backend, mode: MODES.snat, service: id });
    }
    const indexes = { '': 0, L1: linkOf(packetHost, 'L1'), L2: linkOf(packetHost, 'L2') };

    /** Number of the service that took a packet, and of its flow. */
    const taken = (sent: Packet): number => {
      const ports = { sport: sent.sport, dport: sent.dport };
      const frame = frameBytes({
        ...MACS.fromClient,
        ipv4: {
          src: sent.src,
          dst: sent.dst,
          ...(sent.protocol === 'tcp' ? { tcp: { ...ports, flags: ['syn'] } } : { udp: ports }),
        },
      });
      const { verdict } = plane.send(frame);
      const flows = loaded.map('l4_ct');
      const key = { src: toMapAddress(sent.src), dst: toMapAddress(sent.dst), ...ports };
      const flow = flows.get({ ...key, protocol: PROTOCOLS[sent.protocol], zone: 0, zero: 0 });
      const keys = Array.from(flows.entries(), ([each]) => each);
      for (const each of keys) flows.delete(each);
      expect(verdict).toBe(flow ? 'tx' : 'pass');
      return flow?.service ?? 0;
    };

    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: RULES_MOST }),
        fc.array(packet, { minLength: 1, maxLength: 25 }),
        (rules, packets) => {
          const compiled = rules.map((each, i): PlaneRule => ({
            service: i + 1,
            protocol: PROTOCOLS[each.protocol],
            family: familyOf('0.0.0.0'),
            match: matchOf({ srcRange: each.srcRange, dstRange: each.dstRange }),
            iif: indexes[each.iif],
            oif: indexes[each.oif],
            isLeaving: each.isLeaving,
          }));
          using map = createRules(compiled);
          loaded.map('l4_match').set(0, map.fd);
          loaded.map('l4_match_filter').set(0, matchFilter(compiled));
          for (const sent of packets) {
            expect({ sent, service: taken(sent) }).toEqual({ sent, service: model(rules, sent) });
          }
        },
      ),
      { numRuns: RUNS },
    );
    plane.close();
  });
});

function linkOf(given: PacketHost, name: 'L1' | 'L2'): number {
  return given.withNetwork(NETWORK).ifindexes.get(NAMES[name]!)!;
}
