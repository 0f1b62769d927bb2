/**
 * Keys of SYN cookies. Each stretch of 64 seconds has its own, and cookies of the one before still count.
 * Nodes with the same secret have the same keys, so that a client may acknowledge to another node than the
 * one that answered its SYN.
 *
 * @module
 */
import { createHmac, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { LoadedObject } from '@balancer/ebpf';
import type { L4CookieKey, L4Tc } from '../bpf/objects/l4-tc.types.ts';

/** Seconds for which a key makes cookies. */
const SLOT_S = 64;

/** The key of a slot: the same for the same secret, a new one each time when there is none. */
function cookieKey(secret: string | undefined, slot: number): L4CookieKey {
  const bytes =
    secret === undefined
      ? randomBytes(16)
      : createHmac('sha256', secret).update(`balancer l4 cookie ${slot}`).digest();
  return { slot, zero: 0, k0: bytes.readBigUInt64LE(0), k1: bytes.readBigUInt64LE(8) };
}

/**
 * Puts the keys of the slot of a time and of the one before it into the map. Keys that a former process
 * made stay, unless the secret says otherwise.
 *
 * @param nowMs - Since 1970.
 */
export function rotateCookieKeys(
  loaded: LoadedObject<L4Tc>,
  secret: string | undefined,
  nowMs: number,
): void {
  const map = loaded.map('l4_cookie');
  const current = Math.floor(nowMs / 1000 / SLOT_S);
  for (const slot of [current - 1, current]) {
    const found = map.get(slot & 1);
    if (found?.slot === slot && secret === undefined) continue;
    const key = cookieKey(secret, slot);
    if (!isDeepStrictEqual(found, key)) map.set(slot & 1, key);
  }
}
