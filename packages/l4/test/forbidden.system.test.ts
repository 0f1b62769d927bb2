/** Lists that change while flows are open. */
import { buildFrame } from '@balancer/ebpf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aclKey, listedNetworks } from '../src/admission.ts';
import { emptyImage, type PlaneImage } from '../src/compile.ts';
import { SERVICE_FLAGS } from '../src/constants.ts';
import { OPEN } from '../src/desired.ts';
import { removeForbidden, tightened } from '../src/forbidden.ts';
import { EMPTY_SERVICE } from '../src/records.ts';
import { DataPlane, SERVICE } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';
import { MACS } from './support/ends.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

function datagram(src: string): Uint8Array {
  return buildFrame({
    ...MACS.fromClient,
    ipv4: { src, dst: NAMES['V']!, udp: { sport: 40_000, dport: 80, payload: 'x' } },
  });
}

function imageOf(deny: readonly string[], allow: readonly string[] = []): PlaneImage {
  const networks = listedNetworks([[SERVICE, { ...OPEN, deny, allow }]]);
  const flags = allow.length > 0 ? SERVICE_FLAGS.allow : 0;
  const services = new Map([[SERVICE, { ...EMPTY_SERVICE, flags }]]);
  return { ...emptyImage(), services, networks };
}

describe('lists that forbid more than before', () => {
  test.each([
    [
      'a network more on the deny list',
      imageOf(['10.0.0.0/8']),
      imageOf(['10.0.0.0/8', '192.0.2.1']),
    ],
    ['one less on the allow list', imageOf([], ['10.0.0.0/8', '::/0']), imageOf([], ['::/0'])],
    ['the first on an allow list', imageOf([]), imageOf([], ['10.0.0.0/8'])],
  ])('%s', (_, before, next) => {
    expect(tightened(before, next)).toEqual(new Set([SERVICE]));
  });

  test.each([
    ['one less on the deny list', imageOf(['10.0.0.0/8', '192.0.2.1']), imageOf(['10.0.0.0/8'])],
    ['one more on the allow list', imageOf([], ['::/0']), imageOf([], ['::/0', '10.0.0.0/8'])],
    ['the same', imageOf(['10.0.0.0/8']), imageOf(['10.0.0.0/8'])],
  ])('not by %s', (_, before, next) => {
    expect(tightened(before, next)).toEqual(new Set());
  });
});

describe.skipIf(NO_ROOT !== '')(`flows${NO_ROOT}`, () => {
  let host: PacketHost;
  beforeAll(() => {
    host = new PacketHost();
  });
  afterAll(() => host?.close());

  test('only flows of clients that are forbidden now go, with both entries', () => {
    const plane = new DataPlane({ mode: 'nat', protocol: 'udp' }, 'tc', host);
    try {
      for (const client of ['192.0.2.10', '192.0.2.11', '198.18.0.1']) plane.send(datagram(client));
      const service = plane.loaded.map('l4_svc').get(SERVICE)!;
      const flags = service.flags | SERVICE_FLAGS.deny;
      plane.loaded.map('l4_svc').set(SERVICE, { ...service, flags });
      for (const network of imageOf(['192.0.2.0/24']).networks.values()) {
        plane.loaded.map('l4_acl').set(aclKey(network), { hits: 0n });
      }
      expect(removeForbidden(plane.loaded, new Set([SERVICE + 1]))).toBe(0);
      expect(removeForbidden(plane.loaded, new Set([SERVICE]))).toBe(2);
      expect([...plane.loaded.map('l4_ct').entries()]).toHaveLength(2);
      expect(plane.send(datagram('198.18.0.1')).verdict).toBe('tx');
      expect(plane.send(datagram('192.0.2.10')).verdict).toBe('drop');
    } finally {
      plane.close();
    }
  });
});
