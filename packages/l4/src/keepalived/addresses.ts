/**
 * Addresses of keepalived.conf: an address and a port as two words, ranges, masks.
 *
 * @module
 */
import { isIP } from 'node:net';
import type { Address } from '@balancer/kit';

/** Addresses of one range; more are taken for a mistake. */
const RANGE_MAX = 256;

/** `192.0.2.1 80`; `undefined` when the words are none. A port that is missing is `otherwise`. */
export function addressOf(
  [host = '', portText]: readonly string[],
  otherwise = 0,
): Extract<Address, { kind: 'inet' }> | undefined {
  const port = portText === undefined ? otherwise : Number(portText);
  if (isIP(host) === 0 || !Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
  return { kind: 'inet', host, port };
}

/**
 * The addresses of `192.0.2.1-5`, `2001:db8::1-a` or `192.0.2.1-192.0.2.5`: the end is an address
 * or its last number. `undefined` for what is no range of at most 256 addresses.
 */
export function expandRange(text: string): readonly string[] | undefined {
  const [first = '', end] = text.split('-');
  if (isIP(first) === 0) return undefined;
  if (end === undefined) return [first];
  const [, head = '', low = ''] = /^(.*[.:])([0-9a-f]*)$/i.exec(first) ?? [];
  const base = isIP(first) === 4 ? 10 : 16;
  const high = isIP(end) === 0 ? end : endOf(end, head);
  const [from, to] = [Number.parseInt(low, base), Number.parseInt(high ?? '', base)];
  if (!(from <= to) || to - from >= RANGE_MAX) return undefined;
  const addresses = Array.from(
    { length: to - from + 1 },
    (_, index) => `${head}${(from + index).toString(base)}`,
  );
  return addresses.every((address) => isIP(address) !== 0) ? addresses : undefined;
}

/** The last number of an address with the same beginning. */
function endOf(address: string, head: string): string | undefined {
  return address.startsWith(head) ? address.slice(head.length) : undefined;
}

/** `255.255.255.0` or `24` as the length of a prefix. */
export function prefixLength(mask: string): number | undefined {
  if (/^\d+$/.test(mask)) return Number(mask);
  if (isIP(mask) !== 4) return undefined;
  const bits = mask
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? bits.replace(/0*$/, '').length : undefined;
}
