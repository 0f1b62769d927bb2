/** Keys of SYN cookies: which are in the map at what time, and that nodes with one secret have the same. */
import { describe, expect, test } from 'vitest';
import type { L4CookieKey } from '../bpf/objects/l4-tc.types.ts';
import { rotateCookieKeys } from '../src/cookies.ts';
import { PacketHost } from '../tools/packets/packet-host.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const SLOT_MS = 64_000;

function withHosts(action: (...hosts: ReturnType<PacketHost['dataPlane']>[]) => void): void {
  const hosts = [new PacketHost(), new PacketHost()];
  try {
    action(...hosts.map((host) => host.dataPlane('tc')));
  } finally {
    for (const host of hosts) host.close();
  }
}

function keys(loaded: ReturnType<PacketHost['dataPlane']>): L4CookieKey[] {
  return [0, 1].map((index) => loaded.map('l4_cookie').get(index)!);
}

describe(`keys of SYN cookies${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '')('are those of this time and of the one before', () => {
    withHosts((loaded) => {
      rotateCookieKeys(loaded, undefined, 100 * SLOT_MS);
      const [even, odd] = keys(loaded);
      expect([even?.slot, odd?.slot]).toEqual([100, 99]);
      rotateCookieKeys(loaded, undefined, 101 * SLOT_MS - 1);
      expect(keys(loaded)).toEqual([even, odd]);
      rotateCookieKeys(loaded, undefined, 101 * SLOT_MS);
      const [same, next] = keys(loaded);
      expect(same).toEqual(even);
      expect(next?.slot).toBe(101);
      expect(next?.k0).not.toBe(odd?.k0);
    });
  });

  test.skipIf(NO_ROOT !== '')('are new after a time in which nobody looked', () => {
    withHosts((loaded) => {
      rotateCookieKeys(loaded, undefined, 100 * SLOT_MS);
      rotateCookieKeys(loaded, undefined, 200 * SLOT_MS);
      expect(keys(loaded).map(({ slot }) => slot)).toEqual([200, 199]);
    });
  });

  test.skipIf(NO_ROOT !== '')('are equal on all nodes with the same secret, and no others', () => {
    withHosts((first, second) => {
      rotateCookieKeys(first, 'of all nodes', 100 * SLOT_MS);
      rotateCookieKeys(second, 'of all nodes', 100 * SLOT_MS);
      expect(keys(first)).toEqual(keys(second));
      rotateCookieKeys(second, 'of another', 100 * SLOT_MS);
      expect(keys(first)[0]?.k0).not.toBe(keys(second)[0]?.k0);
    });
  });
});
